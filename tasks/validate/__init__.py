"""Judge an artifact by summary statistics with Great Expectations, and write a report people can read."""

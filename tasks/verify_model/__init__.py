"""Compare the served canary with the model itself on golden tiles."""

"""Write the pages that lead a person to the reports: one of all regions, one for each."""

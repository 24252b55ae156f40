"""Fetch a region's landslide inventory and its mapped extent, clean them and say what was cleaned."""

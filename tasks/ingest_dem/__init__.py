"""Fetch a region's DEM and bring it onto the region's grid with a margin."""

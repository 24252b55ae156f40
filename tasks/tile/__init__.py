"""A raster as tiles, split into training, validation and test by spatial block."""

"""A probability raster as a map: mask, polygons and a picture."""

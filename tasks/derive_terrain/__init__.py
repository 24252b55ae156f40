"""The DEM as a stack of terrain bands on the region's grid."""

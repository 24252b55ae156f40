"""Landslide polygons as a mask on the stack's grid."""

"""Bring what a region has beside elevation (soil, rock, climate, vegetation) onto its grid."""

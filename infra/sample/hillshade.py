"""Shaded relief, for the eye."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hillshade(elevation: NDArray[np.float32], cell_m: float, sun_deg: float = 315.0, height_deg: float = 40.0) -> NDArray[np.uint8]:
    """Lambert shading 0 to 255 (Horn's convention: sun azimuth clockwise from north)."""
    d_row, d_col = np.gradient(elevation, cell_m)
    azimuth, height = np.radians(sun_deg), np.radians(height_deg)
    east, north = -d_col, d_row
    light = (np.sin(height) + np.cos(height) * (east * np.sin(azimuth) + north * np.cos(azimuth))) / np.sqrt(
        1.0 + d_row**2 + d_col**2
    )
    return (np.clip(light, 0.0, 1.0) * 255).astype(np.uint8)

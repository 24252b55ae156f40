"""Shaded relief, the backdrop of every picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hillshade(
    dem: NDArray[np.float32], cell_m: float, azimuth_deg: float = 315.0, altitude_deg: float = 45.0
) -> NDArray[np.float32]:
    """Brightness 0 to 1 of a surface lit from `azimuth_deg` (clockwise from north); nodata (NaN)
    stays NaN, and so do the cells beside it.

    Lambert's cosine law, the light against the surface normal (Horn 1981, Hill shading and the reflectance map).
    """
    south, east = np.gradient(dem.astype(np.float64), cell_m)
    azimuth, altitude = np.radians(azimuth_deg), np.radians(altitude_deg)
    towards_light = np.sin(azimuth) * east - np.cos(azimuth) * south
    shade: NDArray[np.float64] = (np.sin(altitude) - np.cos(altitude) * towards_light) / np.sqrt(
        1.0 + south**2 + east**2
    )
    shade[np.isnan(dem)] = np.nan
    return np.clip(shade, 0.0, 1.0).astype(np.float32)

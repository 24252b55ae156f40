"""Shaded relief, for the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUN_DEG, SUN_HEIGHT_DEG = 315.0, 40.0


def hillshade(elevation: NDArray[np.float32], cell_m: float) -> NDArray[np.uint8]:
    """Lambert shading, 0 to 255, with the sun in the north-west."""
    d_row, d_col = np.gradient(elevation, cell_m)
    azimuth, height = np.radians(SUN_DEG), np.radians(SUN_HEIGHT_DEG)
    facing = -d_col * np.sin(azimuth) + d_row * np.cos(azimuth)
    light = (np.sin(height) + np.cos(height) * facing) / np.sqrt(1.0 + d_row**2 + d_col**2)
    return (np.clip(np.nan_to_num(light), 0.0, 1.0) * 255).astype(np.uint8)


def write_picture(path: Path, shade: NDArray[np.uint8]) -> None:
    """A grey PNG."""
    Image.fromarray(shade).save(path)

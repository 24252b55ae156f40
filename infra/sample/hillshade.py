"""Shaded relief as a picture file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.science.hillshade import hillshade


def write_hillshade(path: Path, elevation: NDArray[np.float32], cell_m: float) -> None:
    """A grey PNG of the terrain, (H, W) in metres, lit from the north-west; nodata is black."""
    Image.fromarray((np.nan_to_num(hillshade(elevation, cell_m)) * 255).astype(np.uint8)).save(path)

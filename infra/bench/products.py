"""Synthetic one-degree elevation products, as large as the real ones: 10812 x 10812 cells of 1/3 arc-second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from infra.sample.products import CRS, NODATA, OVERLAP, PER_DEGREE
from tasks.science.windows import windows

CELLS = PER_DEGREE + 2 * OVERLAP
BLOCK = 512


def write_product(path: Path, north: int, west: int) -> Path:
    """A tile named by its north-west corner; hills of several sizes with a metre of noise, so that it compresses
    about as terrain does. Written by blocks.
    """
    cell = 1 / PER_DEGREE
    corner = Affine(cell, 0, west - OVERLAP * cell, 0, -cell, north + OVERLAP * cell)
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "width": CELLS, "height": CELLS, "crs": CRS,
        "transform": corner, "nodata": NODATA, "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
        "compress": "deflate", "predictor": 3, "zlevel": 1, "num_threads": 2,
    }  # fmt: skip
    rng = np.random.default_rng(abs(north) * 1000 + abs(west))
    with rasterio.open(path, "w", **profile) as out:
        for window in windows(CELLS, CELLS, BLOCK * 4):
            lat = corner.f - (np.arange(window.row, window.row + window.height)[:, None] + 0.5) * cell
            lon = corner.c + (np.arange(window.col, window.col + window.width)[None] + 0.5) * cell
            heights = 800 + 500 * np.sin(9 * lat) * np.cos(11 * lon) + 40 * np.sin(400 * lat + 300 * lon)
            heights = heights + rng.normal(0, 0.3, heights.shape)
            where = Window(window.col, window.row, window.width, window.height)  # type: ignore[no-untyped-call]
            out.write(heights.astype(np.float32), 1, window=where)
    return path

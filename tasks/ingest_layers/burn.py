"""Polygons with a value each as a raster, window by window; where they overlap the later one counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from tasks.contract.grid import Grid
from tasks.science.windows import windows
from tasks.store.raster import Part

WINDOW_PX = 1024


def burned(
    shapes: NDArray[Any], values: NDArray[Any], grid: Grid, fill: float, size: int = WINDOW_PX
) -> Iterator[Part]:
    """What polygons (in the grid's CRS) give for cells whose centre they hold, `fill` elsewhere; values' dtype."""
    tree = shapely.STRtree(shapes)
    whole = Affine(*grid.transform)
    for window in windows(grid.height, grid.width, size):
        left, top = whole @ (window.col, window.row)
        right, bottom = whole @ (window.col + window.width, window.row + window.height)
        near = np.sort(tree.query(shapely.box(left, bottom, right, top)))
        cells = np.full((window.height, window.width), fill, values.dtype)
        if near.size:
            rasterize(
                zip(shapes[near], values[near], strict=True),
                out=cells,
                transform=whole @ Affine.translation(window.col, window.row),
            )
        yield Part(window.row, window.col, cells)

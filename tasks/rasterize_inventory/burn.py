"""Polygons to cells, window by window."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from tasks.contract.grid import Grid
from tasks.science.windows import Window

BLOCK_PX = 1024


@dataclass(frozen=True)
class Outlines:
    """Polygons in cells from a grid's corner (columns to the right, rows downward), a number each, in burning order."""

    shapes: NDArray[Any]
    numbers: NDArray[np.uint32]
    all_touched: bool = False

    @classmethod
    def on(cls, grid: Grid, shapes: Any, numbers: Any = 1, *, all_touched: bool = False) -> Outlines:
        """Polygons in the grid's CRS; later ones are burnt over earlier ones."""
        corner, cell = np.array([grid.left, grid.top]), np.array([grid.cell_m, -grid.cell_m])
        placed = shapely.transform(np.asarray(shapes, object), lambda xy: (xy - corner) / cell)
        return cls(placed, np.broadcast_to(np.asarray(numbers, np.uint32), placed.shape), all_touched)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Their spatial index."""
        return shapely.STRtree(self.shapes)

    def burnt(self, window: Window) -> NDArray[np.uint32]:
        """On each cell of a window the number of the last polygon that holds its centre (or touches it), else 0.

        A polygon is burnt in blocks counted from its own corner. GDAL clips lines at the edge of the raster it burns
        and rounds by its origin; where an outline runs through a cell's corner that decides on cells, which must not
        depend on the window.
        """
        cells = np.zeros((window.height, window.width), np.uint32)
        box = shapely.box(window.col, window.row, window.col + window.width, window.row + window.height)
        for n in np.sort(self.tree.query(box)):
            for block in _blocks(_frame(self.shapes[n]), window):
                held = rasterize(
                    [(self.shapes[n], 1)],
                    (block.height, block.width),
                    transform=Affine.translation(block.col, block.row),
                    all_touched=self.all_touched,
                    dtype="uint8",
                )
                common = _common(block, window)
                here = common.shifted(-window.row, -window.col).slices
                cells[here][held[common.shifted(-block.row, -block.col).slices] > 0] = self.numbers[n]
        return cells


def _frame(shape: Any) -> Window:
    """The cells around a polygon, and one more on each side."""
    left, top, right, bottom = shape.bounds
    row, col = math.floor(top) - 1, math.floor(left) - 1
    return Window(row, col, math.ceil(bottom) + 1 - row, math.ceil(right) + 1 - col)


def _blocks(frame: Window, window: Window) -> Iterator[Window]:
    """The blocks of a frame that share cells with a window."""
    row, col = window.row - frame.row, window.col - frame.col
    for top in range(max(row, 0) // BLOCK_PX * BLOCK_PX, min(row + window.height, frame.height), BLOCK_PX):
        for left in range(max(col, 0) // BLOCK_PX * BLOCK_PX, min(col + window.width, frame.width), BLOCK_PX):
            height, width = min(BLOCK_PX, frame.height - top), min(BLOCK_PX, frame.width - left)
            yield Window(frame.row + top, frame.col + left, height, width)


def _common(one: Window, other: Window) -> Window:
    row, col = max(one.row, other.row), max(one.col, other.col)
    bottom = min(one.row + one.height, other.row + other.height)
    right = min(one.col + one.width, other.col + other.width)
    return Window(row, col, bottom - row, right - col)

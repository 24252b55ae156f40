"""A region's own bounds within its grid, which is snapped outward to whole tiles."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.contract.grid import Grid
from tasks.science.windows import Window


def within(grid: Grid, bounds: Sequence[float]) -> Window:
    """The cells whose centres lie in `bounds` (left, bottom, right, top in the grid's CRS)."""
    left, bottom, right, top = bounds
    first_col, last_col = round((left - grid.left) / grid.cell_m), round((right - grid.left) / grid.cell_m)
    first_row, last_row = round((grid.top - top) / grid.cell_m), round((grid.top - bottom) / grid.cell_m)
    row, col = max(0, first_row), max(0, first_col)
    return Window(row, col, min(grid.height, last_row) - row, min(grid.width, last_col) - col)

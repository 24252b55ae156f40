"""Where the tiles of a grid lie, absolutely, and which split each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import GridMismatch
from tasks.contract.grid import Grid
from tasks.science.splits import SPLITS, tile_splits


@dataclass(frozen=True)
class Layout:
    """The tiles of a grid in row-major order; rows and columns counted from the CRS's origin, rows downward."""

    first_row: int
    first_col: int
    tile_px: int
    block_tiles: int
    splits: NDArray[np.uint8]

    @property
    def cells(self) -> NDArray[np.uint8]:
        """The split of every cell."""
        return self.splits.repeat(self.tile_px, axis=0).repeat(self.tile_px, axis=1)

    def counts(self) -> dict[str, int]:
        """Tiles per split."""
        return {name: int(np.count_nonzero(self.splits == code)) for code, name in enumerate(SPLITS)}

    def rows(self) -> list[dict[str, int | str]]:
        """The index: one entry a tile."""
        return [
            {
                "tile": tile,
                "row": self.first_row + row,
                "col": self.first_col + col,
                "block_row": (self.first_row + row) // self.block_tiles,
                "block_col": (self.first_col + col) // self.block_tiles,
                "split": SPLITS[self.splits[row, col]],
            }
            for tile, (row, col) in enumerate(np.ndindex(*self.splits.shape))
        ]


def layout(grid: Grid, tile_px: int, block_tiles: int, shares: tuple[float, ...], seed: int) -> Layout:
    """The layout of a grid of whole tiles; `GridMismatch` when its origin or size is off the tile grid."""
    tile_m = tile_px * grid.cell_m
    row, col = -grid.top / tile_m, grid.left / tile_m
    off = max(abs(row - round(row)), abs(col - round(col)))
    if off > 1e-6 or grid.width % tile_px or grid.height % tile_px:
        raise GridMismatch(
            f"the grid is not whole tiles of {tile_px} cells: {grid}; run ingest_dem with that tile_px"
        )
    first_row, first_col = round(row), round(col)
    rows = range(first_row, first_row + grid.height // tile_px)
    cols = range(first_col, first_col + grid.width // tile_px)
    splits = tile_splits(grid.crs, rows, cols, block_tiles, shares, seed)
    return Layout(first_row, first_col, tile_px, block_tiles, splits)

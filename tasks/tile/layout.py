"""Where the tiles of a grid lie, absolutely, and which split each belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import GridMismatch
from tasks.contract.grid import Grid
from tasks.science.splits import SPLITS, border_px, near_border, share_of, tile_splits
from tasks.science.windows import Window
from tasks.tile.spec import Params

OFF_CELL = 1e-4  # of a cell: what sums of odd cell sizes round to


@dataclass(frozen=True)
class Layout:
    """The tiles of a grid: first its partition in row-major order, then the extra ones, which overlap it.

    grid                  whole tiles, and nothing beside them
    corner                the grid's upper left cell (row, column) in the raster that it is part of
    first_row, first_col  the grid's first tile, counted from the CRS's origin, rows downward
    around                the split of every tile of the grid and of `margin` tiles around it
    places                the upper left cell (row, column) of every tile in the grid, (N, 2)
    """

    grid: Grid
    params: Params
    corner: tuple[int, int]
    first_row: int
    first_col: int
    margin: int
    around: NDArray[np.uint8]
    places: NDArray[np.int64]

    @property
    def splits(self) -> NDArray[np.uint8]:
        """The split of every tile of the partition, (rows, cols)."""
        inside = slice(self.margin, -self.margin or None)
        return self.around[inside, inside]

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The split of every tile (N,); extra ones are for training."""
        return np.pad(self.splits.ravel(), (0, len(self.places) - self.splits.size))

    @property
    def extra(self) -> NDArray[np.bool_]:
        """Which tiles overlap the partition."""
        found: NDArray[np.bool_] = np.arange(len(self.places)) >= self.splits.size
        return found

    def counts(self) -> dict[str, int]:
        """Tiles of the partition per split."""
        return {name: int(np.count_nonzero(self.splits == code)) for code, name in enumerate(SPLITS)}

    def cells(self, window: Window) -> NDArray[np.uint8]:
        """The split of every cell of a window, which may reach `margin` tiles beyond the grid."""
        px, halo = self.params.tile_px, self.margin * self.params.tile_px
        rows = (np.arange(window.row, window.row + window.height) + halo) // px
        cols = (np.arange(window.col, window.col + window.width) + halo) // px
        return self.around[np.ix_(rows, cols)]

    def near_border(self, window: Window) -> NDArray[np.bool_]:
        """The cells of a window that the buffer between splits takes, also where the border lies outside the grid."""
        halo = border_px(self.params.buffer_px)
        near = near_border(self.cells(window.grown(halo)), self.params.buffer_px)
        return near[halo : halo + window.height, halo : halo + window.width]

    def groups(self, size: int) -> list[NDArray[np.int64]]:
        """All tile numbers, by the window of `size` cells that holds their upper left cell; ascending in each."""
        across = -(-self.grid.width // size)
        window = self.places[:, 0] // size * across + self.places[:, 1] // size
        order = np.argsort(window, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(window[order])) + 1)

    def window(self, numbers: NDArray[np.int64]) -> Window:
        """The smallest window that holds these tiles."""
        (row, col), (last_row, last_col) = (edge(self.places[numbers], axis=0) for edge in (np.min, np.max))
        px = self.params.tile_px
        return Window(int(row), int(col), int(last_row - row) + px, int(last_col - col) + px)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The index, one value a tile: see tasks.science.tile_index."""
        row, col = self.absolute()
        block_px = self.params.block_tiles * self.params.tile_px
        return {
            "tile": np.arange(len(self.places)),
            "row_px": row,
            "col_px": col,
            "block_row": row // block_px,
            "block_col": col // block_px,
            "split": np.array(SPLITS)[self.codes],
            "extra": self.extra,
        }

    def absolute(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of every tile's upper left cell, counted from the CRS's origin."""
        corner = np.array((self.first_row, self.first_col)) * self.params.tile_px
        row, col = (self.places + corner).T
        return row, col

    def sampled(self, positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which tiles are drawn: of training tiles without a `positive` cell `empty_share`, of the others all.

        A tile's place alone decides, so that it stays drawn when a region grows or the share is raised.
        """
        drawn = np.ones(len(self.places), bool)
        row, col = self.absolute()
        for tile in np.flatnonzero((self.codes == SPLITS.index("train")) & ~positive):
            place = f"{self.params.split_seed} {self.grid.crs} empty {row[tile]} {col[tile]}"
            drawn[tile] = share_of(place) < self.params.empty_share
        return drawn


def layout(raster: Grid, params: Params) -> Layout:
    """The layout of the whole tiles of a raster's grid, on the tile grid that is counted from the CRS's origin.

    Cells beside the outermost whole tiles are in none. `GridMismatch` when the raster's cells are not counted from
    there, or it holds no whole tile.
    """
    tile_px = params.tile_px
    row, col = -raster.top / raster.cell_m, raster.left / raster.cell_m
    if max(abs(row - round(row)), abs(col - round(col))) > OFF_CELL:
        raise GridMismatch(
            f"tiles are counted from the CRS's origin in whole cells, the grid's corner is not: {raster}; "
            "run ingest_dem for the region again"
        )
    top, left = round(row), round(col)
    first_row, first_col = -(-top // tile_px), -(-left // tile_px)
    across = (left + raster.width) // tile_px - first_col
    down = (top + raster.height) // tile_px - first_row
    if across < 1 or down < 1:
        raise GridMismatch(
            f"no whole tile of {tile_px} cells lies in {raster}; lower tile_px under [tiles] or widen the region's "
            "bounds"
        )
    corner = (first_row * tile_px - top, first_col * tile_px - left)
    grid = replace(
        raster,
        left=raster.left + corner[1] * raster.cell_m,
        top=raster.top - corner[0] * raster.cell_m,
        width=across * tile_px,
        height=down * tile_px,
    )
    margin = -(-border_px(params.buffer_px) // tile_px)
    rows = range(first_row - margin, first_row + down + margin)
    cols = range(first_col - margin, first_col + across + margin)
    if params.hold_out:
        around = np.full((len(rows), len(cols)), SPLITS.index(params.hold_out), np.uint8)
    else:
        around = tile_splits(grid.crs, rows, cols, params.block_tiles, params.shares, params.split_seed)
    inside = slice(margin, -margin or None)
    places = np.concatenate(
        [
            np.argwhere(np.ones((down, across))) * tile_px,
            extras(around[inside, inside], tile_px, params.overlap_px),
        ]
    )
    return Layout(grid, params, corner, first_row, first_col, margin, around, places)


def extras(splits: NDArray[np.uint8], tile_px: int, overlap_px: int) -> NDArray[np.int64]:
    """Upper left cells (row, column) of the tiles between those of the partition that lie wholly in training tiles."""
    rows, cols = (
        np.arange(0, (tiles - 1) * tile_px + 1, tile_px - overlap_px, dtype=np.int64)
        for tiles in splits.shape
    )
    places = np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1).reshape(-1, 2)
    places = places[(places % tile_px).any(axis=1)]
    (top, left), (bottom, right) = (places // tile_px).T, ((places + tile_px - 1) // tile_px).T
    train = SPLITS.index("train")
    corners = [splits[row, col] == train for row in (top, bottom) for col in (left, right)]
    return places[np.all(corners, axis=0)]

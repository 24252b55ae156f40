"""A shard of tiles: tiles.npy and its index, written window by window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from tasks.contract.threads import in_order, threads
from tasks.science.npy import written_npy
from tasks.science.tiles import cut_at
from tasks.science.windows import Window
from tasks.tile.layout import Layout

WINDOW_PX = 1024
MANY_BANDS = 8  # with more of them, windows are half as wide and high
MOST_THREADS = 4  # each holds a window

Conditions = Mapping[str, NDArray[np.bool_]]
Read = Callable[[Window], tuple[NDArray[Any], Conditions]]
"""A window's cells, (bands, h, w) or (h, w), and named conditions (h, w) that are counted in every tile."""


def write_tiles(
    path: Path, plan: Layout, read: Read, dtype: type[np.generic], bands: int | None = None
) -> dict[str, NDArray[np.int64]]:
    """Write all tiles, (N, t, t, bands) or without bands (N, t, t), as a plain .npy; returns the counts in each.

    Several threads read, cut and write; memory is bounded by the window.
    """
    px = plan.params.tile_px
    counts: dict[str, NDArray[np.int64]] = {}
    workers = min(threads(), MOST_THREADS)
    size = WINDOW_PX if (bands or 1) <= MANY_BANDS else WINDOW_PX // 2
    shape = (len(plan.places), px, px, *([bands] if bands else []))

    with written_npy(path, dtype, shape) as write:

        def work(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
            window = plan.window(numbers)
            rows, cols = (plan.places[numbers] - (window.row, window.col)).T
            cells, conditions = read(window)
            for run in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) != 1) + 1):
                write(int(numbers[run[0]]), cut_at(cells, rows[run], cols[run], px))
            return numbers, {
                name: cut_at(found, rows, cols, px).sum(axis=(1, 2)) for name, found in conditions.items()
            }

        for numbers, found in in_order(work, plan.groups(max(size // px, 1) * px), workers):
            for name, count in found.items():
                counts.setdefault(name, np.zeros(len(plan.places), np.int64))[numbers] = count
    return counts


def write_index(path: Path, plan: Layout, columns: Mapping[str, NDArray[Any]]) -> None:
    """The layout's columns and further ones with every tile's footprint, as GeoParquet."""
    grid = plan.grid
    side = plan.params.tile_px * grid.cell_m
    top, left = (
        edge + sign * grid.cell_m * place
        for edge, sign, place in zip((grid.top, grid.left), (-1, 1), plan.places.T, strict=True)
    )
    footprints = shapely.box(left, top - side, left + side, top)
    table = gpd.GeoDataFrame({**plan.columns(), **columns}, geometry=footprints, crs=grid.crs)
    table.to_parquet(path, index=False, compression="zstd")

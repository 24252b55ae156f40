"""Tiles of 64 x 64 cells and three bands: cut in memory, and written with their index against the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from infra.bench.measure import disk_mb_s, synced, timed
from tasks.contract.grid import Grid
from tasks.science.windows import Window
from tasks.tile.layout import layout
from tasks.tile.shard import Conditions, write_index, write_tiles
from tasks.tile.spec import Params

GRID = Grid("EPSG:32610", 0.0, 5_120_000.0, 10.0, 8192, 8192)
BANDS = 3
TIMES = 5


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """What was measured and what came of it; the median of several, the disk's taken in between."""
    bands = np.random.default_rng(1).random((BANDS, *GRID.shape), np.float32)

    def read(window: Window) -> tuple[NDArray[np.float32], Conditions]:
        cells = bands[:, *window.slices]
        return cells, {"valid": np.logical_not(np.isnan(cells).any(axis=0))}

    def cut(path: Path) -> None:
        plan = layout(GRID, Params())
        counts = write_tiles(path, plan, read, np.float32, BANDS)
        write_index(folder / "index.parquet", plan, {"valid_share": counts["valid"] / 64**2})

    def write() -> None:
        cut(folder / "tiles.npy")
        synced(folder / "tiles.npy", folder / "index.parquet")

    tiles = GRID.width * GRID.height // 64**2
    seconds = median(timed(lambda: cut(Path(os.devnull))) for _ in range(TIMES))
    yield (
        f"{tiles} tiles of 64 x 64 x {BANDS}, cut in memory, index included",
        f"{tiles / seconds:,.0f} tiles/s",
    )
    size = bands.nbytes
    pairs = []
    for _ in range(TIMES):
        pairs.append((disk_mb_s(folder, size), size / 1e6 / timed(write)))
        (folder / "tiles.npy").unlink()
    disk, written = map(median, zip(*pairs, strict=True))
    yield (
        "the same tiles, written with their index and synced",
        f"{written / (size / 1e6) * tiles:,.0f} tiles/s, {written:.0f} MB/s, {written / disk:.2f} of the disk",
    )

"""Twins of tiles in a second, in memory and written; in the environment of the task, which has imgaug."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from infra.bench.measure import disk_mb_s, synced, timed
from infra.local.environments import python_of

TILES, PX, BANDS = 20_000, 64, ["elevation", "slope", "curvature"]
TIMES = 3
OVER = 4  # times that each tile is given a twin when written: more than the system keeps back before it writes


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """What was measured and what came of it."""
    command = [str(python_of("augment")), "-m", "infra.bench.augment", str(folder)]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    yield (
        f"augment, {TILES:,} tiles of {PX} x {PX} x {len(BANDS)} and masks in memory, flips, index included",
        f"{figures['memory']:,.0f} tiles/s",
    )
    yield (
        f"augment, {OVER * TILES:,} twins from and to .npy shards, synced",
        f"{figures['written']:,.0f} tiles/s, {figures['mb_s']:.0f} MB/s, {figures['of_disk']:.2f} of the disk",
    )


def measured(folder: Path) -> dict[str, float]:
    """Tiles in a second by the task's own functions, on random bands."""
    from tasks.augment.recipe import fill, write_index
    from tasks.augment.spec import Params
    from tasks.science.npy import Write, written_npy

    rng = np.random.default_rng(1)
    images = rng.random((TILES, PX, PX, len(BANDS)), np.float32)
    masks = rng.integers(0, 2, (TILES, PX, PX), np.uint8)
    paths = folder / "images.npy", folder / "masks.npy"
    made = [path.with_name(f"twins-{path.name}") for path in paths]
    sources = np.arange(TILES)
    index = {"row_px": PX * (sources // 100), "col_px": PX * (sources % 100)}

    def work(write: list[Write], images: NDArray, masks: NDArray, sources: NDArray) -> None:
        given = fill(*write, images, masks, index, sources, "EPSG:32610", BANDS, Params())
        write_index(folder / "index.parquet", sources, given)

    def into(array: NDArray) -> Write:
        def put(first: int, rows: NDArray) -> None:
            array[first : first + len(rows)] = rows

        return put

    def write() -> None:
        taken = [np.load(path, mmap_mode="r") for path in paths]
        with ExitStack() as files:
            writes = [
                files.enter_context(written_npy(path, one.dtype, (OVER * TILES, *one.shape[1:])))
                for path, one in zip(made, taken, strict=True)
            ]
            work(writes, *taken, np.tile(sources, OVER))
        synced(*made)

    goals = [into(np.zeros_like(one)) for one in (images, masks)]
    memory = median(timed(lambda: work(goals, images, masks, sources)) for _ in range(TIMES))
    for path, one in zip(paths, (images, masks), strict=True):
        np.save(path, one)
    size = OVER * (images.nbytes + masks.nbytes)
    pairs = []
    for _ in range(TIMES):
        pairs.append((disk_mb_s(folder, size), size / 1e6 / timed(write)))
        for path in made:
            path.unlink()
    disk, mb_s = map(median, zip(*pairs, strict=True))
    tiles_s = mb_s / (size / 1e6) * OVER * TILES
    return {"memory": TILES / memory, "written": tiles_s, "mb_s": mb_s, "of_disk": mb_s / disk}


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))

"""Twins of tiles in a second, in memory and written; in the environment of the task, which has imgaug."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.bench.measure import disk_mb_s, timed
from infra.local.environments import python_of

TILES, PX, BANDS = 20_000, 64, ["elevation", "slope", "curvature"]


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """What was measured and what came of it."""
    command = [str(python_of("augment")), "-m", "infra.bench.augment", str(folder)]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    yield (
        f"augment, {TILES:,} tiles of {PX} x {PX} x {len(BANDS)} and masks in memory, flips, index included",
        f"{figures['memory']:,.0f} tiles/s",
    )
    yield (
        "augment, from and to .npy shards, synced",
        f"{figures['written']:,.0f} tiles/s, {figures['mb_s']:.0f} MB/s, {figures['of_disk']:.2f} of the disk",
    )


def measured(folder: Path) -> dict[str, float]:
    """Tiles in a second by the task's own functions, on random bands."""
    from numpy.lib.format import open_memmap

    from tasks.augment.recipe import fill, write_index
    from tasks.augment.spec import Params

    rng = np.random.default_rng(1)
    images = rng.random((TILES, PX, PX, len(BANDS)), np.float32)
    masks = rng.integers(0, 2, (TILES, PX, PX), np.uint8)
    sources = np.arange(TILES)
    index = {"row_px": PX * (sources // 100), "col_px": PX * (sources % 100)}

    def work(images: NDArray, masks: NDArray, image_twins: NDArray, mask_twins: NDArray) -> None:
        given = fill(image_twins, mask_twins, images, masks, index, sources, "EPSG:32610", BANDS, Params())
        write_index(folder / "index.parquet", sources, given)

    memory = timed(lambda: work(images, masks, np.zeros_like(images), np.zeros_like(masks)))
    np.save(folder / "tiles.npy", images)
    np.save(folder / "masks.npy", masks)
    size = images.nbytes + masks.nbytes

    def write() -> None:
        taken = [np.load(folder / name, mmap_mode="r") for name in ("tiles.npy", "masks.npy")]
        made = [
            open_memmap(folder / f"twin-{n}.npy", "w+", one.dtype, one.shape) for n, one in enumerate(taken)
        ]
        work(*taken, *made)
        for one in made:
            one.flush()

    disk = disk_mb_s(folder, size)
    seconds = timed(write)
    mb_s = size / 1e6 / seconds
    return {"memory": TILES / memory, "written": TILES / seconds, "mb_s": mb_s, "of_disk": mb_s / disk}


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))

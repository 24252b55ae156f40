"""Give every training tile one flipped twin; validation and test are never touched."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from tasks.augment.flips import Flips
from tasks.contract.errors import GridMismatch

GRID = ("crs", "transform", "width", "height", "region", "tile_px", "splits")


def run(job: Any) -> dict[str, Any]:
    """Write images.npy, masks.npy and index.csv (source tile, flips)."""
    stack, masks = job.one("stack"), job.one("masks")
    differing = [name for name in GRID if stack.properties[name] != masks.properties[name]]
    if differing:
        raise GridMismatch(
            f"band tiles and mask tiles differ in {', '.join(differing)}; run tile again for both"
        )
    flips = Flips(job.params.flips, job.params.seed, stack.properties["crs"], stack.properties["bands"])
    sources = training_tiles(masks.file("index.csv"))
    images = np.load(stack.file("tiles.npy"), mmap_mode="r", allow_pickle=False)
    labels = np.load(masks.file("tiles.npy"), mmap_mode="r", allow_pickle=False)
    image_twins = open_memmap(job.out / "images.npy", "w+", images.dtype, (len(sources), *images.shape[1:]))
    label_twins = open_memmap(job.out / "masks.npy", "w+", labels.dtype, (len(sources), *labels.shape[1:]))
    with (job.out / "index.csv").open("w", newline="", encoding="utf-8") as file:
        index = csv.writer(file, lineterminator="\n")
        index.writerow(["source_tile", "flips"])
        for place, (tile, row, col) in enumerate(sources):
            image_twins[place], label_twins[place], drawn = flips(
                np.array(images[tile]), np.array(labels[tile]), row, col
            )
            index.writerow([tile, "+".join(drawn)])
    image_twins.flush()
    label_twins.flush()
    return {
        **{name: stack.properties[name] for name in (*GRID, "bands")},
        "synthetic": bool(masks.properties.get("synthetic", False)),
        "target": masks.properties["target"],
        "split": "train",
        "tiles": len(sources),
        "flips": job.params.flips,
    }


def training_tiles(index: Path) -> list[tuple[int, int, int]]:
    """Tile number, absolute row and column of every tile of the training split."""
    with index.open(newline="", encoding="utf-8") as lines:
        return [
            (int(line["tile"]), int(line["row"]), int(line["col"]))
            for line in csv.DictReader(lines)
            if line["split"] == "train"
        ]

"""Cut a stack or a mask into all tiles of its grid; for a mask, leave out what would let a split see another."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.science.splits import SPLITS, UNKNOWN, masked_by_split
from tasks.science.tiles import cut
from tasks.store.raster import open_geotiff, read_window
from tasks.tile.layout import Layout, layout

INHERITED = ("crs", "transform", "width", "height", "region", "synthetic", "bands", "units", "target")


def run(job: Any) -> dict[str, Any]:
    """Write tiles.npy and index.csv."""
    raster, params = job.one("raster"), job.params
    grid = Grid.of(raster.properties)
    plan = layout(grid, params.tile_px, params.block_tiles, params.shares, params.split_seed)
    check_splits(plan.counts(), "tile", params, raster.properties["region"])
    write = write_masks if raster.kind == "mask" else write_stack
    shares, properties = write(raster, plan, grid, job.out / "tiles.npy", params)
    write_index(job.out / "index.csv", plan.rows(), shares)
    inherited = {name: raster.properties[name] for name in INHERITED if name in raster.properties}
    return {
        **inherited,
        "tile_px": params.tile_px,
        "block_tiles": params.block_tiles,
        "buffer_px": params.buffer_px,
        "split_seed": params.split_seed,
        "splits": plan.counts(),
        **properties,
    }


def write_stack(
    raster: Any, plan: Layout, grid: Grid, path: Path, params: Any
) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    """(tiles, rows, cols, bands) float32 with NaN for nodata, one row of tiles at a time."""
    rows, cols = plan.splits.shape
    px = plan.tile_px
    stack = raster.file("stack.tif")
    shape = (rows * cols, px, px, len(raster.properties["bands"]))
    tiles = open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    valid = np.empty(rows * cols)
    for row in range(rows):
        strip = cut(np.moveaxis(read_window(stack, row * px, 0, px, grid.width), 0, -1), px)
        here = slice(row * cols, (row + 1) * cols)
        tiles[here] = strip
        valid[here] = (~np.isnan(strip).any(axis=-1)).mean(axis=(1, 2))
    tiles.flush()
    return {"valid_share": valid}, {"dtype": "float32"}


def write_masks(
    raster: Any, plan: Layout, grid: Grid, path: Path, params: Any
) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    """(tiles, rows, cols) uint8: 0, 1, and 255 where unknown, near another split, or of a landslide that strays."""
    mask, landslides = (_whole(raster.file(name)) for name in ("mask.tif", "landslides.tif"))
    masked = masked_by_split(mask, landslides, plan.cells, params.buffer_px)
    tiles = cut(masked, plan.tile_px)
    np.save(path, tiles, allow_pickle=False)
    known, positive = (np.count_nonzero(found, axis=(1, 2)) for found in (tiles != UNKNOWN, tiles == 1))
    of_split = plan.splits.ravel()
    totals = {
        name: (int(positive[of_split == code].sum()), int(known[of_split == code].sum()))
        for code, name in enumerate(SPLITS)
    }
    positives = {name: count for name, (count, _) in totals.items()}
    check_splits(positives, "positive cell", params, raster.properties["region"])
    base_rate = {name: round(count / cells, 6) for name, (count, cells) in totals.items()}
    shares = {"positive_share": positive / plan.tile_px**2, "valid_share": known / plan.tile_px**2}
    return shares, {"dtype": "uint8", "positives": positives, "base_rate": base_rate}


def check_splits(counts: dict[str, int], what: str, params: Any, region: str) -> None:
    """`BadData` when a split holds nothing of `what`."""
    empty = [name for name, count in counts.items() if not count]
    if empty:
        raise BadData(
            f"split {' and '.join(empty)} of region {region} has no {what} (found {counts}); change [tiles] split_seed "
            f"(now {params.split_seed}), or lower block_tiles (now {params.block_tiles}) or buffer_px "
            f"(now {params.buffer_px}) in the recipe or the region's file"
        )


def write_index(path: Path, rows: Sequence[dict[str, Any]], shares: Mapping[str, Iterable[float]]) -> None:
    """One line a tile."""
    names = [*rows[0], *shares]
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(names)
        for row, *values in zip(rows, *shares.values(), strict=True):
            lines.writerow([*row.values(), *(f"{value:.6f}" for value in values)])


def _whole(path: Path) -> NDArray[Any]:
    with open_geotiff(path) as dataset:
        cells: NDArray[Any] = dataset.read(1)
    return cells

"""Cut a stack or a mask into all whole tiles of its grid; for a mask, leave out what would let a split see another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from numpy.typing import NDArray

from tasks.contract.errors import BadData, InvalidParams
from tasks.contract.grid import Grid
from tasks.science.reach import reach_px
from tasks.science.splits import SPLITS, UNKNOWN, masked
from tasks.science.windows import Window
from tasks.store.raster import open_geotiff, read_window
from tasks.tile.homes import homes
from tasks.tile.layout import Layout, layout
from tasks.tile.shard import Conditions, write_index, write_tiles
from tasks.tile.spec import Params

INHERITED = ("region", "synthetic", "bands", "units", "target")
SETTINGS = ("tile_px", "block_tiles", "buffer_px", "split_seed", "overlap_px", "hold_out")


def run(job: Any) -> dict[str, Any]:
    """Write tiles.npy and index.parquet."""
    raster, params = job.one("raster"), job.params
    check_buffer(params)
    plan = layout(Grid.of(raster.properties), params)
    check_splits(plan.counts(), "tile", params, raster.properties["region"])
    write = write_masks if raster.kind == "mask" else write_stack
    columns, properties = write(raster, plan, job.out / "tiles.npy")
    write_index(job.out / "index.parquet", plan, columns)
    inherited = {name: raster.properties[name] for name in INHERITED if name in raster.properties}
    return {
        **inherited,
        **plan.grid.properties(),
        **{name: getattr(params, name) for name in SETTINGS},
        "shares": list(params.shares),
        "buffer_reason": params.buffer_reason,
        "splits": plan.counts(),
        "extra": int(np.count_nonzero(plan.extra)),
        **properties,
    }


def check_buffer(params: Params) -> None:
    """A network that sees further than the buffer would see its test blocks' ground in training."""
    reach = reach_px(params.levels)
    if params.buffer_px < reach and not params.buffer_reason:
        raise InvalidParams(
            f"[tiles] buffer_px is {params.buffer_px}, a U-Net of {params.levels} levels sees {reach} cells; raise "
            "buffer_px, lower [train] levels, or say under [tiles] buffer_reason why splits may lie closer"
        )


def write_stack(
    raster: Any, plan: Layout, path: Path
) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    """(tiles, rows, cols, bands) float32 with NaN for nodata."""
    stack = raster.file("stack.tif")

    def read(window: Window) -> tuple[NDArray[np.float32], Conditions]:
        at = window.shifted(*plan.corner)
        bands = read_window(stack, at.row, at.col, at.height, at.width)
        return bands, {"valid": np.logical_not(np.isnan(bands).any(axis=0))}

    counts = write_tiles(path, plan, read, np.float32, len(raster.properties["bands"]))
    return {"valid_share": counts["valid"] / plan.params.tile_px**2}, {"dtype": "float32"}


def write_masks(raster: Any, plan: Layout, path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """(tiles, rows, cols) uint8: 0, 1, and 255 where unknown, near another split, or of a landslide that strays."""
    files = [raster.file(name) for name in ("mask.tif", "landslides.tif")]
    outlines = gpd.read_parquet(raster.file("outlines.parquet"))
    shapes, numbers = np.asarray(outlines.geometry, object), outlines["number"].to_numpy()
    home = homes(shapes, numbers, plan.grid.crs, plan.grid.cell_m, plan.params)

    def read(window: Window) -> tuple[NDArray[np.uint8], Conditions]:
        mask, landslides = (read_cells(file, window.shifted(*plan.corner)) for file in files)
        cells = masked(mask, landslides, plan.cells(window), plan.near_border(window), home)
        return cells, {"known": cells != UNKNOWN, "positive": cells == 1}

    counts = write_tiles(path, plan, read, np.uint8)
    positive, known = counts["positive"], counts["known"]
    positives, cells = (by_split(plan, count) for count in (positive, known))
    check_splits(positives, "positive cell", plan.params, raster.properties["region"])
    sampled = plan.sampled(positive > 0)
    tile_cells = plan.params.tile_px**2
    shares = {"valid_share": known / tile_cells, "positive_share": positive / tile_cells}
    return {**shares, "sampled": sampled}, {
        "dtype": "uint8",
        "positives": positives,
        "base_rate": {name: round(positives[name] / max(cells[name], 1), 6) for name in SPLITS},
        "sampling": sampling(plan, sampled, counts),
    }


def by_split(plan: Layout, counts: NDArray[np.int64]) -> dict[str, int]:
    """The sum over a split's tiles; of the partition, so that no cell counts twice."""
    return {name: int(counts[~plan.extra & (plan.codes == code)].sum()) for code, name in enumerate(SPLITS)}


def sampling(
    plan: Layout, sampled: NDArray[np.bool_], counts: Mapping[str, NDArray[np.int64]]
) -> dict[str, float]:
    """How training tiles are drawn, the extra ones among them; `positive_rate` is of the drawn tiles' known cells."""
    train = plan.codes == SPLITS.index("train")
    positive = train & (counts["positive"] > 0)
    drawn = train & sampled
    rate = counts["positive"][drawn].sum() / max(counts["known"][drawn].sum(), 1)
    return {
        "empty_share": plan.params.empty_share,
        "positive_tiles": int(positive.sum()),
        "empty_tiles": int((train & ~positive).sum()),
        "sampled": int(drawn.sum()),
        "positive_rate": round(float(rate), 6),
    }


def check_splits(counts: Mapping[str, int], what: str, params: Params, region: str) -> None:
    """`BadData` when a split holds nothing of `what`; a region that is held out has one split only."""
    empty = [name for name in SPLITS if not counts[name]]
    if empty and not params.hold_out:
        raise BadData(
            f"split {' and '.join(empty)} of region {region} has no {what} (found {dict(counts)}); change [tiles] "
            f"split_seed (now {params.split_seed}), or lower block_tiles (now {params.block_tiles}) or buffer_px "
            f"(now {params.buffer_px}) in the recipe or the region's file"
        )


def read_cells(path: Path, window: Window) -> NDArray[Any]:
    """A window of the only band, as it is stored."""
    with open_geotiff(path) as dataset:
        place = rasterio.windows.Window(window.col, window.row, window.width, window.height)
        cells: NDArray[Any] = dataset.read(1, window=place)
    return cells

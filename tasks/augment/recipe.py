"""Give every sampled training tile one twin; validation and test are never touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from tasks.augment.contact import chosen, sheet
from tasks.augment.spec import Params
from tasks.augment.twins import Turns, generator, roughen, shift
from tasks.contract.errors import BadData, GridMismatch
from tasks.science.directions import check_turnable
from tasks.science.tile_index import read_index

GRID = ("crs", "transform", "width", "height", "region", "tile_px", "overlap_px", "splits")
AT_ONCE = 256


def run(job: Any) -> dict[str, Any]:
    """Write images.npy (N, t, t, C), masks.npy (N, t, t), index.parquet (source tile, turns) and contact.png."""
    stack, masks, params = job.one("stack"), job.one("masks"), job.params
    differing = [name for name in GRID if stack.properties.get(name) != masks.properties.get(name)]
    if differing:
        raise GridMismatch(
            f"band tiles and mask tiles differ in {', '.join(differing)}; run tile again for both"
        )
    crs, bands = stack.properties["crs"], list(stack.properties["bands"])
    check_bands(params, bands)
    index = read_index(masks.file("index.parquet"))
    images, labels = (
        np.load(one.file("tiles.npy"), mmap_mode="r", allow_pickle=False) for one in (stack, masks)
    )
    sources = np.flatnonzero((index["split"] == "train") & index["sampled"])
    image_twins = open_memmap(job.out / "images.npy", "w+", images.dtype, (len(sources), *images.shape[1:]))
    label_twins = open_memmap(job.out / "masks.npy", "w+", labels.dtype, (len(sources), *labels.shape[1:]))
    turns = fill(image_twins, label_twins, images, labels, index, sources, crs, bands, params)
    image_twins.flush()
    label_twins.flush()
    write_index(job.out / "index.parquet", sources, turns)
    synthetic, target = bool(masks.properties.get("synthetic", False)), masks.properties["target"]
    title = f"{target}{' (synthetic)' if synthetic else ''}, {masks.properties['region']}"
    shown = chosen(index, sources)
    sheet(images, labels, index, image_twins, label_twins, sources, shown, bands, title).savefig(
        job.out / "contact.png"
    )
    return {
        **{name: stack.properties[name] for name in (*GRID, "bands") if name in stack.properties},
        "synthetic": synthetic,
        "target": target,
        "split": "train",
        "tiles": len(sources),
        "flips": params.flips,
    }


def check_bands(params: Params, bands: list[str]) -> None:
    """Raise BadData for a band to be changed that the stack does not have, or one that cannot be turned."""
    missing = sorted({name for name, _ in (*params.shift, *params.noise)} - set(bands))
    if missing:
        raise BadData(
            f"[augment] shift or noise name {', '.join(missing)}, the stack has {', '.join(bands)}; "
            "change the recipe's [augment] or its band set"
        )
    if params.rotations:
        check_turnable(bands)


def fill(
    image_twins: NDArray[np.float32],
    mask_twins: NDArray[np.uint8],
    images: NDArray[np.float32],
    masks: NDArray[np.uint8],
    index: Mapping[str, NDArray[Any]],
    sources: NDArray[np.int64],
    crs: str,
    bands: list[str],
    params: Params,
) -> list[Turns]:
    """Write the twins of the tiles `sources`, some at a time, and say what they were given."""
    given = []
    for first in range(0, len(sources), AT_ONCE):
        here, at = sources[first : first + AT_ONCE], slice(first, first + AT_ONCE)
        places = list(zip(index["row_px"][here], index["col_px"][here], strict=True))
        image_twins[at], mask_twins[at], turns = twins(images[here], masks[here], places, crs, bands, params)
        given.append(turns)
    return given


def twins(
    images: NDArray[np.float32],
    masks: NDArray[np.uint8],
    places: list[tuple[int, int]],
    crs: str,
    bands: list[str],
    params: Params,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Turns]:
    """The twins of images (N, t, t, C) and masks (N, t, t) at places (row, column); NaN and 255 stay what they are."""
    generators = [generator(params.seed, crs, row, col) for row, col in places]
    turns = Turns.drawn(generators, params.flips, params.rotations)
    twin_images, twin_masks = turns.of(images), turns.of(masks[..., None])[..., 0]
    turns.correct(twin_images, bands)
    shift(twin_images, bands, params.shift, generators)
    roughen(twin_images, bands, params.noise, generators)
    return twin_images, twin_masks, turns


def write_index(path: Path, sources: NDArray[np.int64], given: list[Turns]) -> None:
    """One row a twin: the tile it is of, and what it was given."""
    columns = {
        name: np.concatenate([getattr(turns, name) for turns in given] or [np.empty(0)])
        for name in ("left_right", "up_down", "quarter_turns")
    }
    pq.write_table(pa.table({"source_tile": sources, **columns}), path, compression="zstd")

"""Give every sampled training tile one twin; validation and test are never touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.augment.contact import chosen, sheet
from tasks.augment.spec import Params
from tasks.augment.twins import Turns, draws, generators, roughen, shift
from tasks.contract.errors import BadData, GridMismatch
from tasks.contract.threads import in_order, threads
from tasks.science.directions import check_turnable
from tasks.science.npy import Write, written_npy
from tasks.science.tile_index import read_index

GRID = ("crs", "transform", "width", "height", "region", "tile_px", "overlap_px", "splits")
AT_ONCE = 64


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
    made = {"images.npy": images, "masks.npy": labels}
    with ExitStack() as files:
        writes = [
            files.enter_context(written_npy(job.out / name, of.dtype, (len(sources), *of.shape[1:])))
            for name, of in made.items()
        ]
        turns = fill(*writes, images, labels, index, sources, crs, bands, params)
    write_index(job.out / "index.parquet", sources, turns)
    image_twins, label_twins = (np.load(job.out / name, mmap_mode="r") for name in made)
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
    write_images: Write,
    write_masks: Write,
    images: NDArray[np.float32],
    masks: NDArray[np.uint8],
    index: Mapping[str, NDArray[Any]],
    sources: NDArray[np.int64],
    crs: str,
    bands: list[str],
    params: Params,
) -> list[Turns]:
    """Write the twins of the tiles `sources`, some at a time by several threads, and say what they were given."""
    plain = (
        np.asarray(images),
        np.asarray(masks),
    )  # of a memory map each slice would be one again, which takes longer

    def work(first: int) -> Turns:
        here = sources[first : first + AT_ONCE]
        places = list(zip(index["row_px"][here].tolist(), index["col_px"][here].tolist(), strict=True))
        tiles, labels = ([of[tile] for tile in here.tolist()] for of in plain)
        image_twins, mask_twins, turns = twins(tiles, labels, places, crs, bands, params)
        write_images(first, image_twins)
        write_masks(first, mask_twins)
        return turns

    return list(in_order(work, range(0, len(sources), AT_ONCE), threads()))


def twins(
    images: Sequence[NDArray[np.float32]],
    masks: Sequence[NDArray[np.uint8]],
    places: list[tuple[int, int]],
    crs: str,
    bands: list[str],
    params: Params,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Turns]:
    """The twins of N images (t, t, C) and masks (t, t) at places (row, column); NaN and 255 stay what they are."""
    numbers = draws(params.seed, crs, places)
    turns = Turns.drawn(numbers, params.flips, params.rotations)
    twin_images, twin_masks = turns.of(images), turns.of(masks)
    turns.correct(twin_images, bands)
    if params.shift or params.noise:
        each = list(generators(numbers))
        shift(twin_images, bands, params.shift, each)
        roughen(twin_images, bands, params.noise, each)
    return twin_images, twin_masks, turns


def write_index(path: Path, sources: NDArray[np.int64], given: list[Turns]) -> None:
    """One row a twin: the tile it is of, and what it was given."""
    columns = {
        name: np.concatenate([getattr(turns, name) for turns in given] or [np.empty(0)])
        for name in ("left_right", "up_down", "quarter_turns")
    }
    pq.write_table(pa.table({"source_tile": sources, **columns}), path, compression="zstd")

"""The tiles of a region, bands and masks side by side, as training and evaluation use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

from tasks.contract.errors import BadData, GridMismatch
from tasks.contract.grid import Grid
from tasks.science.tile_index import read_index
from tasks.science.tiles import mosaic

UNKNOWN = 255
SPLITS = ("train", "validation", "test")
SPLIT_BY = ("tile_px", "block_tiles", "buffer_px", "split_seed", "shares", "hold_out")
SHARED = ("crs", "transform", "width", "height", "splits", "overlap_px", *SPLIT_BY)


class Shard(Protocol):
    """What is read of an artifact."""

    @property
    def properties(self) -> Any:
        """Its properties."""

    def file(self, name: str) -> Path:
        """A local copy of one of its files."""


@dataclass(frozen=True)
class Region:
    """All tiles of a region's grid in row-major order, and the extra ones that overlap them.

    images (N, t, t, C) float32, NaN unknown; masks (N, t, t) uint8, 255 unknown; split of each tile (N,);
    block (row, column) of each tile (N, 2), in the absolute numbering of the CRS.
    extra_images, extra_masks: training tiles (E, t, t, C) and (E, t, t) that overlap those;
    sampled (N + E,): which tiles training draws.
    """

    name: str
    bands: tuple[str, ...]
    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    splits: NDArray[np.str_]
    blocks: NDArray[np.int64]
    extra_images: NDArray[np.float32]
    extra_masks: NDArray[np.uint8]
    sampled: NDArray[np.bool_]
    rows: int
    cols: int
    cell_m: float

    def masks_of(self, *splits: str) -> NDArray[np.uint8]:
        """The masks with everything outside these splits unknown."""
        return np.where(np.isin(self.splits, splits)[:, None, None], self.masks, np.uint8(UNKNOWN))

    def bands_whole(self) -> NDArray[np.float32]:
        """The bands put together again, (H, W, C)."""
        return mosaic(self.images, self.rows, self.cols)

    def mask_whole(self, *splits: str) -> NDArray[np.uint8]:
        """The mask put together again, (H, W), unknown outside these splits."""
        return mosaic(self.masks_of(*splits), self.rows, self.cols)

    def training_tiles(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The training tiles that are sampled, overlapping ones included: (n, t, t, C) and (n, t, t)."""
        own = self.sampled[: len(self.masks)] & (self.splits == "train")
        extra = self.sampled[len(self.masks) :]
        return (
            np.concatenate([self.images[own], self.extra_images[extra]]),
            np.concatenate([self.masks[own], self.extra_masks[extra]]),
        )


def _region(stack: Shard, mask: Shard) -> Region:
    properties = mask.properties
    differing = [name for name in SHARED if stack.properties.get(name) != properties.get(name)]
    if stack.properties["region"] != properties["region"] or differing:
        raise GridMismatch(
            f"the band tiles are of region {stack.properties['region']}, the mask tiles of {properties['region']}, "
            f"and differ in {differing or 'nothing else'}; run tile again for both"
        )
    index = read_index(mask.file("index.parquet"))
    tile_px = int(properties["tile_px"])
    rows, cols = int(properties["height"]) // tile_px, int(properties["width"]) // tile_px
    images, masks = (
        np.load(one.file("tiles.npy"), mmap_mode="r", allow_pickle=False) for one in (stack, mask)
    )
    own, extra = slice(rows * cols), slice(rows * cols, None)
    return Region(
        name=properties["region"],
        bands=tuple(stack.properties["bands"]),
        images=images[own],
        masks=masks[own],
        splits=index["split"][own],
        blocks=np.stack([index["block_row"], index["block_col"]], axis=-1)[own],
        extra_images=images[extra],
        extra_masks=masks[extra],
        sampled=index["sampled"],
        rows=rows,
        cols=cols,
        cell_m=float(properties["transform"][0]),
    )


def regions(stacks: Sequence[Shard], masks: Sequence[Shard]) -> list[Region]:
    """Pair band tiles and mask tiles by region; one band set and one target over all of them.

    Raises GridMismatch where a region's two halves do not fit, BadData where regions do not fit each other.
    """
    by_name = {stack.properties["region"]: stack for stack in stacks}
    missing = {mask.properties["region"] for mask in masks} ^ set(by_name)
    if missing:
        raise BadData(
            f"regions {sorted(missing)} have band tiles or mask tiles, not both; run dataset for them"
        )
    paired = [_region(by_name[mask.properties["region"]], mask) for mask in masks]
    if len({region.bands for region in paired}) > 1 or len({mask.properties["target"] for mask in masks}) > 1:
        raise BadData(
            "the regions of one model must have the same bands and target; run dataset again for all"
        )
    check_apart([mask.properties for mask in masks])
    check_positives([mask.properties for mask in masks])
    return paired


def check_apart(tiles: Sequence[Mapping[str, Any]]) -> None:
    """`BadData` when regions that meet are split differently, or regions are of unlike tiles."""
    for one, other in combinations(tiles, 2):
        names = f"regions {one['region']} and {other['region']} of one model"
        if one["tile_px"] != other["tile_px"]:
            raise BadData(
                f"{names} have tiles of {one['tile_px']} and {other['tile_px']} cells; "
                "set the same tile_px under [tiles] of both"
            )
        if not near(one, other):
            continue
        ours, theirs = (
            {name: tile.get(name) for name in ("crs", *SPLIT_BY)} | {"cell_m": tile["transform"][0]}
            for tile in (one, other)
        )
        unlike = [
            f"{name} {ours[name]!r} and {theirs[name]!r}" for name in ours if ours[name] != theirs[name]
        ]
        if unlike:
            raise BadData(
                f"{names} lie within the buffer of each other but differ in {', '.join(unlike)}: where they meet, "
                "one's training block would be another's test block; change [tiles] or the grid of one of them"
            )


def near(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a region's tiles come within the larger buffer of another's; both in the other's CRS."""
    buffer_m = max(tile["buffer_px"] * tile["transform"][0] for tile in (one, other))
    ours, theirs = Grid.of(one), Grid.of(other)
    left, bottom, right, top = ours.padded(round(buffer_m / ours.cell_m)).bounds
    if ours.crs != theirs.crs:
        left, bottom, right, top = transform_bounds(ours.crs, theirs.crs, left, bottom, right, top)
    west, south, east, north = theirs.bounds
    return bool(left < east and west < right and bottom < north and south < top)


def check_positives(tiles: Sequence[Mapping[str, Any]]) -> None:
    """`BadData` when the regions together have no landslide in one of the splits."""
    counts = {split: sum(tile["positives"][split] for tile in tiles) for split in SPLITS}
    empty = [split for split, count in counts.items() if not count]
    if empty:
        held = {tile["region"]: tile["hold_out"] for tile in tiles if tile.get("hold_out")}
        raise BadData(
            f"no region of the model has a positive cell in split {' and '.join(empty)} (found {counts}); change "
            f"[tiles] hold_out of a region (now {held or 'none'}) or split_seed, or add a region to the model"
        )

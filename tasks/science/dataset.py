"""The tiles of a region, bands and masks side by side, as training and evaluation use them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData, GridMismatch
from tasks.science.tiles import mosaic

UNKNOWN = 255
SHARED = (
    "crs",
    "transform",
    "width",
    "height",
    "tile_px",
    "splits",
    "buffer_px",
    "block_tiles",
    "split_seed",
)

SPLIT_BY = ("tile_px", "block_tiles", "buffer_px", "split_seed")


class Shard(Protocol):
    """What is read of an artifact."""

    @property
    def properties(self) -> Any:
        """Its properties."""

    def file(self, name: str) -> Path:
        """A local copy of one of its files."""


@dataclass(frozen=True)
class Region:
    """All tiles of a region's grid in row-major order.

    images (N, t, t, C) float32, NaN unknown; masks (N, t, t) uint8, 255 unknown; split of each tile (N,);
    block (row, column) of each tile (N, 2), in the absolute numbering of the CRS.
    """

    name: str
    bands: tuple[str, ...]
    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    splits: NDArray[np.str_]
    blocks: NDArray[np.int64]
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


def _region(stack: Shard, mask: Shard) -> Region:
    properties = mask.properties
    differing = [name for name in SHARED if stack.properties.get(name) != properties.get(name)]
    if stack.properties["region"] != properties["region"] or differing:
        raise GridMismatch(
            f"the band tiles are of region {stack.properties['region']}, the mask tiles of {properties['region']}, "
            f"and differ in {differing or 'nothing else'}; run tile again for both"
        )
    with mask.file("index.csv").open(newline="") as lines:
        index = list(csv.DictReader(lines))
    tile_px = int(properties["tile_px"])
    return Region(
        name=properties["region"],
        bands=tuple(stack.properties["bands"]),
        images=np.load(stack.file("tiles.npy"), mmap_mode="r", allow_pickle=False),
        masks=np.load(mask.file("tiles.npy"), allow_pickle=False),
        splits=np.array([line["split"] for line in index]),
        blocks=np.array([(int(line["block_row"]), int(line["block_col"])) for line in index]),
        rows=int(properties["height"]) // tile_px,
        cols=int(properties["width"]) // tile_px,
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
    settings = {tuple(mask.properties.get(name) for name in SPLIT_BY) for mask in masks}
    if len(settings) > 1:
        raise BadData(
            f"regions of one model must be split alike ({', '.join(SPLIT_BY)}), found {sorted(settings)}: where they "
            "meet, one's training block would be another's test block; change [tiles] of the regions"
        )
    return paired

"""The one split that each landslide lies in."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from tasks.science.splits import SPLITS, block_split
from tasks.tile.spec import Params


def homes(
    shapes: NDArray[Any], numbers: NDArray[np.integer], crs: str, cell_m: float, params: Params
) -> NDArray[np.uint8]:
    """The split of every landslide by its number, (highest number + 1,): the one that holds most of its area.

    `shapes` are outlines in `crs`, whole, also where they reach beyond the region; `numbers` says of which landslide
    each is. Blocks are absolute, so a landslide is at home in the same split in every region that it reaches into,
    and stays there when a region grows. In a tie the first of SPLITS.
    """
    areas = np.zeros((int(numbers.max(initial=0)) + 1, len(SPLITS)))
    if params.hold_out:
        return np.full(len(areas), SPLITS.index(params.hold_out), np.uint8)
    side = params.block_tiles * params.tile_px * cell_m
    left, bottom, right, top = shapely.bounds(shapes).T
    frames = np.floor(np.stack([-top, -bottom, left, right], axis=-1) / side).astype(int)
    for shape, number, (first_row, last_row, first_col, last_col) in zip(
        shapes, numbers, frames.tolist(), strict=True
    ):
        alone = first_row == last_row and first_col == last_col
        for row in range(first_row, last_row + 1):
            for col in range(first_col, last_col + 1):
                split = block_split(crs, row, col, params.shares, params.split_seed)
                block = (col * side, -(row + 1) * side, (col + 1) * side, -row * side)
                part = shape if alone else shapely.clip_by_rect(shape, *block)
                areas[number, split] += part.area
    most: NDArray[np.uint8] = areas.argmax(axis=1).astype(np.uint8)
    return most

"""Training, validation and test by spatial block: absolute, hashed, apart.

Neighbouring tiles look alike, so a random split flatters the model. Whole blocks go to one split; a block is known
by its place on the CRS, not by its region, so it stays where it is when a region grows or another overlaps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SPLITS = ("train", "validation", "test")
UNKNOWN = 255


def share_of(text: str) -> float:
    """A number in [0, 1) that only `text` decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def block_split(crs: str, block_row: int, block_col: int, shares: tuple[float, ...], seed: int) -> int:
    """The split (index into SPLITS) of a block; `shares` are the splits' parts of the whole and sum to 1."""
    part = share_of(f"{seed} {crs} {block_row} {block_col}")
    return min(int(np.searchsorted(np.cumsum(shares), part, side="right")), len(shares) - 1)


def tile_splits(
    crs: str,
    tile_rows: Sequence[int],
    tile_cols: Sequence[int],
    block_tiles: int,
    shares: tuple[float, ...],
    seed: int,
) -> NDArray[np.uint8]:
    """The split of every tile, (rows, cols), from absolute tile coordinates, which may be negative."""
    rows, row_of = np.unique(np.asarray(tile_rows) // block_tiles, return_inverse=True)
    cols, col_of = np.unique(np.asarray(tile_cols) // block_tiles, return_inverse=True)
    blocks = [[block_split(crs, int(row), int(col), shares, seed) for col in cols] for row in rows]
    return np.array(blocks, np.uint8)[np.ix_(row_of, col_of)]


def border_px(buffer_px: int) -> int:
    """Cells to either side of a border between splits that `near_border` looks across.

    Two kept cells at distance d each from the other split can be 2 d - 1 apart, hence d >= (buffer_px + 1) / 2.
    """
    return max((buffer_px + 2) // 2 - 1, 0)


def near_border(splits: NDArray[np.uint8], buffer_px: int) -> NDArray[np.bool_]:
    """Cells to leave out so that kept cells of two splits are at least `buffer_px` apart (Chebyshev, in cells).

    What lies beyond the array is not seen: give `border_px` more cells on every side to know the state of all.
    """
    window = 2 * border_px(buffer_px) + 1
    highest = ndimage.maximum_filter(splits, window)
    near: NDArray[np.bool_] = highest != ndimage.minimum_filter(splits, window)
    return near


def masked(
    mask: NDArray[np.uint8],
    landslides: NDArray[np.uint32],
    splits: NDArray[np.uint8],
    near: NDArray[np.bool_],
    home: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """The mask with UNKNOWN `near` another split and where a landslide strays out of its home.

    `landslides` numbers every cell, 0 is none; `home` is the split of each landslide by its number.
    """
    strays = (landslides > 0) & (home[landslides] != splits)
    return np.where(near | strays, np.uint8(UNKNOWN), mask)

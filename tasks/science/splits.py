"""Training, validation and test by spatial block: absolute, hashed, apart.

Neighbouring tiles look alike, so a random split flatters the model. Whole blocks go to one split; a block is known
by its place on the CRS, not by its region, so it stays where it is when a region grows or another overlaps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SPLITS = ("train", "validation", "test")
UNKNOWN = 255


def block_split(crs: str, block_row: int, block_col: int, shares: tuple[float, ...], seed: int) -> int:
    """The split (index into SPLITS) of a block; `shares` are the splits' parts of the whole and sum to 1."""
    digest = hashlib.sha256(f"{seed} {crs} {block_row} {block_col}".encode()).digest()
    part = int.from_bytes(digest[:8]) / 2**64
    return min(int(np.searchsorted(np.cumsum(shares), part, side="right")), len(shares) - 1)


def tile_splits(
    crs: str,
    tile_rows: Iterable[int],
    tile_cols: Iterable[int],
    block_tiles: int,
    shares: tuple[float, ...],
    seed: int,
) -> NDArray[np.uint8]:
    """The split of every tile, (rows, cols), from absolute tile coordinates, which may be negative."""
    cols = list(tile_cols)
    return np.array(
        [
            [block_split(crs, row // block_tiles, col // block_tiles, shares, seed) for col in cols]
            for row in tile_rows
        ],
        np.uint8,
    )


def near_border(splits: NDArray[np.uint8], buffer_px: int) -> NDArray[np.bool_]:
    """Cells to leave out so that kept cells of two splits are at least `buffer_px` apart (Chebyshev, in cells).

    Two kept cells at distance d each from the other split can be 2 d - 1 apart, hence d >= (buffer_px + 1) / 2.
    """
    reach = max((buffer_px + 2) // 2 - 1, 0)
    window = 2 * reach + 1
    highest = ndimage.maximum_filter(splits, window)
    near: NDArray[np.bool_] = highest != ndimage.minimum_filter(splits, window)
    return near


def straying(
    landslides: NDArray[np.uint32], splits: NDArray[np.uint8], kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Cells of landslides outside their own split, which is the one with most of their kept cells.

    `landslides` numbers every cell 1..n, 0 is none; a tie goes to the first of SPLITS.
    """
    cases = landslides[kept].astype(np.int64) * len(SPLITS) + splits[kept]
    counts = np.bincount(cases, minlength=(int(landslides.max(initial=0)) + 1) * len(SPLITS))
    home = counts.reshape(-1, len(SPLITS)).argmax(axis=1).astype(np.uint8)
    strays: NDArray[np.bool_] = (landslides > 0) & (home[landslides] != splits)
    return strays


def masked_by_split(
    mask: NDArray[np.uint8], landslides: NDArray[np.uint32], splits: NDArray[np.uint8], buffer_px: int
) -> NDArray[np.uint8]:
    """The mask with UNKNOWN in the buffer between splits and where a landslide strays into another split."""
    kept = ~near_border(splits, buffer_px) & (mask != UNKNOWN)
    kept &= ~straying(landslides, splits, kept)
    return np.where(kept, mask, np.uint8(UNKNOWN))


def balance(
    mask: NDArray[np.uint8], landslides: NDArray[np.uint32], splits: NDArray[np.uint8], buffer_px: int
) -> dict[str, dict[str, Any]]:
    """What each split holds after masking: known cells, positives and base rate. Use it to choose a split seed."""
    masked = masked_by_split(mask, landslides, splits, buffer_px)
    report = {}
    for code, name in enumerate(SPLITS):
        known = masked[(splits == code) & (masked != UNKNOWN)]
        positives = int(np.count_nonzero(known))
        report[name] = {
            "cells": known.size,
            "positives": positives,
            "base_rate": positives / max(known.size, 1),
        }
    return report

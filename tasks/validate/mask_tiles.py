"""What the tiles of a mask say about the splits a model learns from and is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from tasks.validate.checks import CELLS, COUNT, SHARE, WARN, Check, Row

SPLITS = ("train", "validation", "test")
UNKNOWN = 255


def split_rows(tiles: NDArray[np.uint8], splits: pd.Series) -> list[Row]:
    """One row a split; `tiles` is (N, rows, columns) of 0, 1 and 255, `splits` the split of each tile."""
    rows = []
    for split in [*SPLITS, *sorted(set(splits) - set(SPLITS))]:
        here = np.flatnonzero(splits.to_numpy() == split)
        if not len(here):
            continue
        positive = sum(int((tiles[n] == 1).sum()) for n in here)
        unknown = sum(int((tiles[n] == UNKNOWN).sum()) for n in here)
        cells = len(here) * tiles[0].size
        rows.append(
            {
                "item": split,
                "tiles": len(here),
                "positive_cells": positive,
                "base_rate": positive / max(cells - unknown, 1),
                "unknown_share": unknown / cells,
            }
        )
    return rows


def leakage_px(tiles: NDArray[np.uint8], index: pd.DataFrame) -> dict[str, int]:
    """By split: the smallest distance (Chebyshev, in cells) of its known cells to a known cell of another split.

    Nearer than the widest band's reach, what a model is judged by has shaped what it learned from.
    """
    rows, cols = (index[name].to_numpy() - index[name].min() for name in ("row", "col"))
    px = tiles.shape[1]
    split = np.zeros(((rows.max() + 1) * px, (cols.max() + 1) * px), np.uint8)  # 0: not known
    for tile, row, col, name in zip(tiles, rows, cols, index["split"], strict=True):
        code = SPLITS.index(name) + 1 if name in SPLITS else 0
        split[row * px : (row + 1) * px, col * px : (col + 1) * px] = np.where(tile != UNKNOWN, code, 0)
    found = {}
    for code, name in enumerate(SPLITS, 1):
        here, elsewhere = split == code, (split != 0) & (split != code)
        if here.any() and elsewhere.any():
            found[name] = int(distance_transform_cdt(~elsewhere, metric="chessboard")[here].min())
    return found


def blocks(index: pd.DataFrame) -> dict[str, int]:
    """By split: how many blocks it has."""
    counted = index.groupby("split")[["block_row", "block_col"]].apply(
        lambda part: len(part.drop_duplicates())
    )
    return {str(split): int(count) for split, count in counted.items()}


def split_checks(limits: dict[str, float], splits: Sequence[str] = SPLITS) -> list[Check]:
    """What is expected of the splits."""
    low, high = limits["base_rate_min"], limits["base_rate_max"]
    return [
        Check("splits", "Splits", "item", all_of=splits),
        Check("positives", "Landslide cells", "positive_cells", limits["positive_cells_min"], unit=COUNT),
        Check("base_rate", "Landslide share of the known cells", "base_rate", low, high, unit=SHARE),
        Check("unknown", "Unknown cells", "unknown_share", high=limits["unknown_share_max"], unit=SHARE),
    ]


def apart_checks(limits: dict[str, float], buffer_px: int) -> list[Check]:
    """What is expected of how the splits lie to each other."""
    title = "Distance of known cells to those of another split"
    return [
        Check("leakage", title, "leakage_px", float(buffer_px), unit=CELLS),
        Check("blocks", "Blocks of a split", "blocks", limits["blocks_min"], unit=COUNT, level=WARN),
    ]

"""What the tiles of a mask say about the splits a model learns from and is judged by."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.validate.checks import COUNT, SHARE, Check, Row

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


def split_checks(limits: dict[str, float]) -> list[Check]:
    """What is expected of the splits."""
    low, high = limits["base_rate_min"], limits["base_rate_max"]
    return [
        Check("splits", "Splits", "item", all_of=SPLITS),
        Check("positives", "Landslide cells", "positive_cells", limits["positive_cells_min"], unit=COUNT),
        Check("base_rate", "Landslide share of the known cells", "base_rate", low, high, unit=SHARE),
        Check("unknown", "Unknown cells", "unknown_share", high=limits["unknown_share_max"], unit=SHARE),
    ]

"""What the tiles of a terrain stack say about what a model gets to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.validate.checks import SHARE, Check, Row
from tasks.validate.mask_tiles import SPLITS


def tile_rows(index: pd.DataFrame) -> list[Row]:
    """One row a split; `index` has a line a tile with its split and the share of cells where all bands are known."""
    rows = []
    for split in SPLITS:
        valid = index["valid_share"][index["split"] == split]
        if len(valid):
            found = {"valid_share": float(valid.mean()), "empty_share": float((valid == 0).mean())}
            rows.append({"item": split, "tiles": len(valid), **found})
    return rows


def tile_checks(limits: Mapping[str, float], splits: Sequence[str] = SPLITS) -> list[Check]:
    """What is expected of a stack's tiles."""
    valid, empty = limits["valid_share_min"], limits["empty_share_max"]
    return [
        Check("splits", "Splits", "item", all_of=splits),
        Check("valid_share", "Cells with all bands", "valid_share", valid, unit=SHARE),
        Check("empty", "Tiles without any such cell", "empty_share", high=empty, unit=SHARE),
    ]

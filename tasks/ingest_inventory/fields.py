"""An inventory's own fields: what of them is kept, and how their values are written."""

from __future__ import annotations

import json
import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

# Fields an editor's tools fill in: they change while the landslide stays the same.
BOOKKEEPING = (
    "created_",
    "last_edited_",
    "shape_",
    "shape.",
    "globalid",
    "geom_rev_",
    "revision_date",
    "row_",
)


def source_fields(frame: gpd.GeoDataFrame) -> list[str]:
    """Each row's fields as JSON text, less dates of editing, bookkeeping and empty ones."""
    columns = [
        name
        for name in sorted(set(frame.columns) - {frame.geometry.name})
        if not name.lower().startswith(BOOKKEEPING) and not pd.api.types.is_datetime64_any_dtype(frame[name])
    ]
    rows = frame[columns].astype(object).to_dict("records")
    return [
        json.dumps(
            {name: plain(value) for name, value in row.items() if not missing(value)}, ensure_ascii=False
        )
        for row in rows
    ]


def plain(value: Any) -> Any:
    """A value JSON knows; whole numbers without a point, so that a file and a service agree."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int | float | bool) else str(value)


def missing(value: Any) -> bool:
    """None, not a number, or blank."""
    if isinstance(value, float | np.floating):
        return not math.isfinite(value)
    return (
        value is None or value is pd.NaT or value is pd.NA or (isinstance(value, str) and not value.strip())
    )


def text(value: Any) -> str:
    """A value as an id; empty where it is missing."""
    return "" if missing(value) else str(plain(value)).strip()

"""The inventory's table: stable ids, the landslide's id, the target, the source's own fields as text, the shape."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from tasks.contract.errors import BadData

COLUMNS = ["id", "landslide_id", "target", "source", "geometry"]
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


def inventory_table(
    frame: gpd.GeoDataFrame, target: str, id_field: str, landslide_field: str
) -> gpd.GeoDataFrame:
    """One row a polygon, sorted by id. Without an id field, an id is a hash of the shape."""
    for field in (id_field, landslide_field):
        if len(frame) and field and field not in frame.columns:
            raise BadData(f"target {target}: no field {field!r}; there are {', '.join(frame.columns)}")
    shapes = [hashlib.sha256(wkb).hexdigest()[:16] for wkb in frame.geometry.to_wkb()]
    ids = [text(value) or shape for value, shape in zip(_column(frame, id_field), shapes, strict=True)]
    twice = pd.Series(ids, dtype=object).loc[lambda column: column.duplicated()]
    if len(twice):
        raise BadData(f"target {target}: id {twice.iloc[0]!r} stands more than once in field {id_field!r}")
    landslides = [text(value) or one for value, one in zip(_column(frame, landslide_field), ids, strict=True)]
    table = gpd.GeoDataFrame(
        {
            "id": pd.Series(ids, dtype=object),
            "landslide_id": pd.Series(landslides, dtype=object),
            "target": pd.Series([target] * len(ids), dtype=object),
            "source": pd.Series(source_fields(frame), dtype=object),
        },
        geometry=frame.geometry.array,
        crs=frame.crs,
    )
    return table.sort_values("id", ignore_index=True)[COLUMNS]


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


def _column(frame: gpd.GeoDataFrame, field: str) -> list[Any]:
    return list(frame[field]) if field and len(frame) else [None] * len(frame)

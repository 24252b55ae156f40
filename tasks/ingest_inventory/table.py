"""The inventory's table: stable ids, the landslide's id, target, date, confidence, the source's own fields, shape."""

from __future__ import annotations

import hashlib
from typing import Any

import geopandas as gpd
import pandas as pd

from tasks.contract.errors import BadData
from tasks.ingest_inventory.dates import iso_date
from tasks.ingest_inventory.fields import source_fields, text

COLUMNS = ["id", "landslide_id", "target", "date", "confidence", "source", "geometry"]


def inventory_table(
    frame: gpd.GeoDataFrame,
    target: str,
    id_field: str,
    landslide_field: str,
    date_field: str = "",
    confidence_field: str = "",
) -> gpd.GeoDataFrame:
    """One row a polygon, sorted by id. Without an id field, an id is a hash of the shape.

    `date` is ISO text to the day, month or year, null where the source has no date or nonsense. `confidence` is the
    source's text, stripped, null where it is blank; a table without `confidence_field` has no such column.
    """
    for field in (id_field, landslide_field, date_field, confidence_field):
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
            "date": pd.Series([iso_date(value) for value in _column(frame, date_field)], dtype="str"),
            "source": pd.Series(source_fields(frame), dtype=object),
        },
        geometry=frame.geometry.array,
        crs=frame.crs,
    )
    if confidence_field:
        found = [text(value) or None for value in _column(frame, confidence_field)]
        table["confidence"] = pd.Series(found, dtype="str")
    return table.sort_values("id", ignore_index=True)[[name for name in COLUMNS if name in table]]


def _column(frame: gpd.GeoDataFrame, field: str) -> list[Any]:
    return list(frame[field]) if field and len(frame) else [None] * len(frame)

"""Features of an ArcGIS service as a GeoDataFrame; GDAL's ESRIJSON driver tells rings from holes."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio

from tasks.contract.errors import SourceUnavailable
from tasks.ingest_inventory.arcgis import Feed, count, pages
from tasks.sources.http import Ask


def read_feed(ask: Ask, feed: Feed, date_field: str = "") -> gpd.GeoDataFrame:
    """All features of a feed, in its CRS, without other fields of dates: an edit date is not content."""
    frames = [read_page(page, feed.epsg, date_field) for page in pages(ask, feed)]
    found = sum(len(frame) for frame in frames)
    if found != (expected := count(ask, feed)):
        raise SourceUnavailable(
            f"{feed.url}/{feed.number} counts {expected} features and sent {found}; it may be being edited, try again"
        )
    if not frames:
        return gpd.GeoDataFrame(geometry=[], crs=f"EPSG:{feed.epsg}")
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=f"EPSG:{feed.epsg}")


def read_page(page: dict[str, Any], epsg: int, date_field: str = "") -> gpd.GeoDataFrame:
    """One answer to a query. Attributes are taken as sent: GDAL guesses types by page."""
    with_geometry = {
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": epsg},
        "fields": [{"name": "row", "type": "esriFieldTypeInteger"}],
        "features": [
            {"attributes": {"row": row}, "geometry": feature.get("geometry")}
            for row, feature in enumerate(page["features"])
        ],
    }
    shapes = pyogrio.read_dataframe(json.dumps(with_geometry).encode(), use_arrow=False)
    dates = {field["name"] for field in page.get("fields") or [] if field.get("type") == "esriFieldTypeDate"}
    dates -= {date_field}
    rows = [
        {name: value for name, value in feature["attributes"].items() if name not in dates}
        for feature in page["features"]
    ]
    attributes = pd.DataFrame(rows, index=range(len(rows)), dtype=object)
    return gpd.GeoDataFrame(attributes, geometry=list(shapes.geometry), crs=f"EPSG:{epsg}")

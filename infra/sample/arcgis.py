"""Layer queries as an ArcGIS map service answers them: paging, counts, ids, statistics, Esri JSON and GeoJSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely import box
from shapely.geometry import mapping

from infra.sample.layers import LAYERS, Inventory, Layer, field_definitions
from infra.sample.where import BadWhere, matching

MAX_RECORDS = 100
"""Records of a page: far fewer than the real service's, so that the sample needs several pages."""
NATIVE = 3857
_WEB_MERCATOR = 102100  # Esri's own number for EPSG:3857
_STATISTICS = {"max": "max", "min": "min", "sum": "sum", "avg": "mean", "count": "count"}

Params = dict[str, str]
Json = dict[str, Any]


class BadQuery(ValueError):
    """A question the service does not understand; it answers with Esri's error document."""


def error_document(code: int, message: str, *details: str) -> Json:
    """What ArcGIS sends instead of an answer, with HTTP status 200."""
    return {"error": {"code": code, "message": message, "details": list(details)}}


def service_document(title: str) -> Json:
    """The service's own description."""
    layers = [
        {
            "id": layer.id,
            "name": layer.name,
            "parentLayerId": -1 if layer.id == 0 else 0,
            "defaultVisibility": True,
            "subLayerIds": [other.id for other in LAYERS[1:]] if layer.id == 0 else None,
            "minScale": layer.min_scale,
            "maxScale": layer.max_scale,
            "type": "Group Layer" if layer.source is None else "Feature Layer",
            "geometryType": layer.geometry,
        }
        for layer in LAYERS
    ]
    return {
        "currentVersion": 11.1,
        "mapName": "LandslideInventory_Sample",
        "serviceDescription": f"{title}. Synthetic landslides in synthetic terrain.",
        "copyrightText": "Synthetic",
        "layers": layers,
        "tables": [],
        "spatialReference": _reference(NATIVE),
        "singleFusedMapCache": False,
        "capabilities": "Map,Query,Data",
        "supportedQueryFormats": "JSON, geoJSON",
        "maxRecordCount": MAX_RECORDS,
    }


def layer_document(inventory: Inventory, layer: Layer, *, editable: bool) -> Json:
    """A layer's description; a feature service adds when it was last edited."""
    document: Json = {
        "currentVersion": 11.1,
        "id": layer.id,
        "name": layer.name,
        "type": "Group Layer" if layer.source is None else "Feature Layer",
        "description": "Synthetic",
        "geometryType": layer.geometry,
        "minScale": layer.min_scale,
        "maxScale": layer.max_scale,
        "copyrightText": "Synthetic",
        "capabilities": "Map,Query,Data",
        "maxRecordCount": MAX_RECORDS,
    }
    if layer.source is None:
        return document
    rows = inventory.rows(layer, NATIVE)
    left, bottom, right, top = (float(edge) for edge in rows.total_bounds)
    document |= {
        "displayField": "ls_id" if "ls_id" in rows else "OBJECTID",
        "objectIdField": "OBJECTID",
        "fields": field_definitions(rows),
        "extent": {
            "xmin": left,
            "ymin": bottom,
            "xmax": right,
            "ymax": top,
            "spatialReference": _reference(NATIVE),
        },
        "supportedQueryFormats": "JSON, geoJSON",
        "supportsStatistics": True,
        "supportsAdvancedQueries": True,
        "advancedQueryCapabilities": {
            "supportsPagination": True,
            "supportsStatistics": True,
            "supportsOrderBy": True,
            "supportsQueryWithResultType": False,
        },
    }
    if editable:
        edited = inventory.last_edit(layer)
        document["editingInfo"] = {
            "lastEditDate": edited,
            "schemaLastEditDate": edited,
            "dataLastEditDate": edited,
        }
    return document


def query(inventory: Inventory, layer: Layer, params: Params) -> Json:
    """Answer a layer's `query`; raises BadQuery."""
    if layer.source is None:
        raise BadQuery("Requested operation is not supported by this layer.")
    form = params.get("f", "json").lower()
    if form not in ("json", "pjson", "geojson"):
        raise BadQuery(f"Invalid format '{form}'.")
    out = _epsg(params.get("outSR")) or (4326 if form == "geojson" else NATIVE)
    rows = _ordered(_selected(inventory, layer, params, out), params)
    if _flag(params, "returnCountOnly"):
        return {"count": len(rows)}
    if _flag(params, "returnIdsOnly"):
        return {"objectIdFieldName": "OBJECTID", "objectIds": rows["OBJECTID"].tolist()}
    if params.get("outStatistics"):
        return _statistics(rows, params["outStatistics"])
    page, more = _page(rows, params)
    page = page[[*_fields(rows, params), "geometry"]]
    with_geometry = _flag(params, "returnGeometry", default=True)
    if form == "geojson":
        return _geojson(page, out, more, with_geometry)
    return _esri_json(page, layer, out, more, with_geometry)


def _selected(inventory: Inventory, layer: Layer, params: Params, out: int) -> GeoDataFrame:
    rows = inventory.rows(layer, out)
    try:
        keep = matching(rows, params.get("where") or "1=1")
    except BadWhere as wrong:
        raise BadQuery("Unable to perform query operation.", str(wrong)) from wrong
    if params.get("objectIds"):
        keep &= rows["OBJECTID"].isin(_integers(params["objectIds"])).to_numpy()
    if params.get("geometry"):
        envelope, epsg = _envelope(params)
        keep &= inventory.rows(layer, epsg).geometry.intersects(envelope).to_numpy()
    return rows[keep]


def _envelope(params: Params) -> tuple[shapely.Polygon, int]:
    if params.get("geometryType", "esriGeometryEnvelope") != "esriGeometryEnvelope":
        raise BadQuery("'geometryType' parameter is invalid", "only esriGeometryEnvelope")
    if params.get("spatialRel", "esriSpatialRelIntersects") != "esriSpatialRelIntersects":
        raise BadQuery("'spatialRel' parameter is invalid", "only esriSpatialRelIntersects")
    text, reference = params["geometry"], params.get("inSR")
    try:
        if text.lstrip().startswith("{"):
            found = json.loads(text)
            edges = [float(found[edge]) for edge in ("xmin", "ymin", "xmax", "ymax")]
            reference = reference or json.dumps(found.get("spatialReference", {}))
        else:
            edges = [float(edge) for edge in text.split(",")]
        left, bottom, right, top = edges
    except (ValueError, KeyError, TypeError) as wrong:
        raise BadQuery("'geometry' parameter is invalid") from wrong
    return box(left, bottom, right, top), _epsg(reference) or NATIVE


def _epsg(text: str | None) -> int | None:
    """EPSG number of a spatial reference given as a number or as Esri's JSON."""
    if not text or text == "{}":
        return None
    try:
        number = int(json.loads(text)["wkid"]) if text.lstrip().startswith("{") else int(text)
        number = NATIVE if number == _WEB_MERCATOR else number
        CRS.from_epsg(number)
    except (ValueError, KeyError, TypeError, CRSError) as wrong:
        raise BadQuery(f"Invalid spatial reference '{text}'.") from wrong
    return number


def _ordered(rows: GeoDataFrame, params: Params) -> GeoDataFrame:
    names, ascending = [], []
    for term in filter(None, (part.strip() for part in params.get("orderByFields", "").split(","))):
        name, _, way = term.partition(" ")
        if name not in rows.columns or name == "geometry" or way.strip().upper() not in ("", "ASC", "DESC"):
            raise BadQuery("'orderByFields' parameter is invalid", term)
        names.append(name)
        ascending.append(way.strip().upper() != "DESC")
    return rows.sort_values(names or ["OBJECTID"], ascending=ascending or True, kind="stable")


def _page(rows: GeoDataFrame, params: Params) -> tuple[GeoDataFrame, bool]:
    offset = _natural(params, "resultOffset", 0)
    count = min(_natural(params, "resultRecordCount", MAX_RECORDS) or MAX_RECORDS, MAX_RECORDS)
    return rows.iloc[offset : offset + count], offset + count < len(rows)


def _fields(rows: GeoDataFrame, params: Params) -> list[str]:
    wanted = [name.strip() for name in (params.get("outFields") or "OBJECTID").split(",")]
    known = [str(name) for name in rows.columns.drop("geometry")]
    if "*" in wanted:
        return known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise BadQuery("Failed to execute query.", f"no field {', '.join(unknown)}")
    return wanted


def _statistics(rows: GeoDataFrame, text: str) -> Json:
    try:
        asked = json.loads(text)
        wanted = [(s["statisticType"], s["onStatisticField"], s.get("outStatisticFieldName")) for s in asked]
    except (ValueError, KeyError, TypeError) as wrong:
        raise BadQuery("'outStatistics' parameter is invalid") from wrong
    values: Json = {}
    for kind, name, shown in wanted:
        if kind not in _STATISTICS or name not in rows.columns.drop("geometry"):
            raise BadQuery("'outStatistics' parameter is invalid", f"{kind} of {name}")
        column = rows[name].dropna()
        empty = 0 if kind == "count" else None
        values[shown or f"{kind}_{name}"] = _plain(column.agg(_STATISTICS[kind])) if len(column) else empty
    fields = [{"name": name, "type": "esriFieldTypeDouble", "alias": name} for name in values]
    aliases = {name: name for name in values}
    return {
        "displayFieldName": "",
        "fieldAliases": aliases,
        "fields": fields,
        "features": [{"attributes": values}],
    }


def _geojson(page: GeoDataFrame, epsg: int, more: bool, with_geometry: bool) -> Json:
    shapes = shapely.orient_polygons(page.geometry.to_numpy())
    features = [
        {
            "type": "Feature",
            "id": row.get("OBJECTID"),
            "geometry": mapping(shape) if with_geometry else None,
            "properties": row,
        }
        for row, shape in zip(_attributes(page), shapes, strict=True)
    ]
    answer: Json = {"type": "FeatureCollection", "features": features}
    if epsg != 4326:
        answer["crs"] = {"type": "name", "properties": {"name": f"EPSG:{epsg}"}}
    return answer | ({"properties": {"exceededTransferLimit": True}} if more else {})


def _esri_json(page: GeoDataFrame, layer: Layer, epsg: int, more: bool, with_geometry: bool) -> Json:
    features: list[Json] = [{"attributes": row} for row in _attributes(page)]
    if with_geometry:
        # Esri's outer rings run clockwise
        shapes = shapely.orient_polygons(page.geometry.to_numpy(), exterior_cw=True)
        for feature, shape in zip(features, shapes, strict=True):
            feature["geometry"] = _esri_geometry(shape)
    fields = field_definitions(page)
    answer: Json = {
        "displayFieldName": "",
        "fieldAliases": {entry["name"]: entry["alias"] for entry in fields},
        "geometryType": layer.geometry,
        "spatialReference": _reference(epsg),
        "fields": fields,
        "features": features,
    }
    return answer | ({"exceededTransferLimit": True} if more else {})


def _esri_geometry(shape: shapely.Geometry) -> Json:
    if shape.geom_type == "Point":
        return {"x": shape.x, "y": shape.y}
    rings = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    return {"rings": [[list(point) for point in ring.coords] for ring in rings]}


def _attributes(page: GeoDataFrame) -> list[Json]:
    columns = page.columns.drop("geometry")
    cells = page[columns].itertuples(index=False)
    return [{str(name): _plain(value) for name, value in zip(columns, row, strict=True)} for row in cells]


def _plain(value: Any) -> Any:
    """A cell as JSON knows it; missing is null."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value else value


def _reference(epsg: int) -> Json:
    return {"wkid": _WEB_MERCATOR if epsg == NATIVE else epsg, "latestWkid": epsg}


def _flag(params: Params, name: str, *, default: bool = False) -> bool:
    return params.get(name, str(default)).lower() == "true"


def _natural(params: Params, name: str, default: int) -> int:
    text = params.get(name) or str(default)
    if not text.isdigit():
        raise BadQuery(f"'{name}' parameter is invalid")
    return int(text)


def _integers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as wrong:
        raise BadQuery("'objectIds' parameter is invalid") from wrong

"""ArcGIS MapServer and FeatureServer: find layers by name, query them by envelope, page by page, poll for edits.

`ask` does the HTTP, so that the poll before the key needs the standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.contract.errors import BadData, SourceUnavailable
from tasks.ingest_inventory.spec import both
from tasks.sources.http import Ask, Query

PAGE = 1000
EDITED = "last_edited_date"
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Feed:
    """One layer of a service, seen through a box (in the CRS `epsg`) and a where clause."""

    url: str
    number: int
    description: dict[str, Any]
    bounds: Bounds
    epsg: int
    where: str

    @property
    def id_field(self) -> str:
        """The field the server numbers its features by."""
        fields = self.description.get("fields") or []
        ids = [field["name"] for field in fields if field.get("type") == "esriFieldTypeOID"]
        return str(self.description.get("objectIdField") or (ids or ["OBJECTID"])[0])

    @property
    def page(self) -> int:
        """Features to ask for at once."""
        return min(PAGE, int(self.description.get("maxRecordCount") or PAGE))

    @property
    def turns_pages(self) -> bool:
        """Whether the server knows `resultOffset`; servers before 10.3 are asked for ids beyond the last one."""
        return (self.description.get("advancedQueryCapabilities") or {}).get(
            "supportsPagination"
        ) is not False

    def query(self, where: str | None = None) -> dict[str, str | int]:
        """What every query of the layer says. `where` overrides the feed's own."""
        left, bottom, right, top = self.bounds
        box = {
            "xmin": left,
            "ymin": bottom,
            "xmax": right,
            "ymax": top,
            "spatialReference": {"wkid": self.epsg},
        }
        return {
            "f": "json",
            "where": (self.where if where is None else where) or "1=1",
            "geometry": json.dumps(box),
            "geometryType": "esriGeometryEnvelope",
            "spatialRel": "esriSpatialRelIntersects",
            "inSR": self.epsg,
            "outSR": self.epsg,
        }


def call(ask: Ask, url: str, query: Query) -> dict[str, Any]:
    """Ask; ArcGIS reports errors inside an answer of status 200."""
    answer = ask(url, query)
    if "error" in answer:
        error = answer["error"]
        text = f"{url} answers error {error.get('code')}: {error.get('message')} {error.get('details') or ''}"
        if int(error.get("code") or 500) >= 500:
            raise SourceUnavailable(text)
        raise BadData(f"{text}; check the layer, where and fields in the region's [inventory]")
    return answer


def open_layer(ask: Ask, url: str, layer: str | int, bounds: Bounds, epsg: int, where: str) -> Feed:
    """The polygon layer of a name or number.

    A service may show one layer twice, generalised for small scales: of these the one for the largest scale is
    taken, and refused if it holds fewer features than its twin.
    """
    listed = call(ask, url, {"f": "json"}).get("layers") or []
    found = [
        entry for entry in listed if polygons(entry) and layer in (entry["id"], str(entry["name"]).strip())
    ]
    if not found:
        names = sorted({str(entry["name"]) for entry in listed if polygons(entry)})
        raise BadData(f"{url} has no polygon layer {layer!r}; it has {names}")
    found.sort(
        key=lambda entry: float(entry.get("maxScale") or 0)
    )  # 1:maxScale is the nearest; 0 is no limit
    feeds = [
        Feed(url, entry["id"], call(ask, f"{url}/{entry['id']}", {"f": "json"}), bounds, epsg, where)
        for entry in found
    ]
    counts = [count(ask, feed) for feed in feeds] if len(feeds) > 1 else [0]
    if counts[0] < max(counts):
        numbers = [feed.number for feed in feeds]
        raise BadData(f"{url} has {layer!r} as layers {numbers} of {counts} features; name one by its number")
    return feeds[0]


def polygons(entry: dict[str, Any]) -> bool:
    """Whether a listed layer holds polygons; some servers do not say, then it may."""
    return entry.get("geometryType", "esriGeometryPolygon") == "esriGeometryPolygon" and not entry.get(
        "subLayerIds"
    )


def count(ask: Ask, feed: Feed, where: str | None = None) -> int:
    """How many features the feed has."""
    answer = call(ask, f"{feed.url}/{feed.number}/query", {**feed.query(where), "returnCountOnly": "true"})
    return int(answer["count"])


def pages(ask: Ask, feed: Feed) -> Iterator[dict[str, Any]]:
    """The features as Esri JSON, a page at a time, in the order of their ids."""
    number, last, more = 0, None, True
    while more:
        answer = call(ask, f"{feed.url}/{feed.number}/query", {**feed.query(), **after(feed, number, last)})
        features = answer.get("features") or []
        more = bool(
            answer.get("exceededTransferLimit")
            or (answer.get("properties") or {}).get("exceededTransferLimit")
        )
        if more and not features:
            raise SourceUnavailable(
                f"{feed.url}/{feed.number} says there is more after {number} and sends nothing; try again later"
            )
        if not features:
            return
        first, end = (feature["attributes"].get(feed.id_field) for feature in (features[0], features[-1]))
        if last is not None and first is not None and first <= last:
            raise BadData(
                f"{feed.url}/{feed.number} sends {feed.id_field} {first} again on the page after {last}, "
                "so its pages cannot be trusted; take the inventory as a file"
            )
        yield answer
        number, last = number + len(features), end


def after(feed: Feed, number: int, last: Any) -> dict[str, str | int]:
    """What asks for the page after so many features, the last of them of that id."""
    wanted: dict[str, str | int] = {
        "outFields": "*",
        "returnGeometry": "true",
        "orderByFields": feed.id_field,
    }
    if feed.turns_pages:
        return {**wanted, "resultOffset": number, "resultRecordCount": feed.page}
    return wanted if last is None else {**wanted, "where": both(feed.where, f"{feed.id_field} > {last}")}


def poll(ask: Ask, feed: Feed) -> dict[str, Any]:
    """What changes when the feed's content does: the edit date the server keeps, else the content itself."""
    state: dict[str, Any] = {"layer": feed.number, "count": count(ask, feed)}
    editing = feed.description.get("editingInfo") or {}
    if edited := editing.get("dataLastEditDate") or editing.get("lastEditDate"):
        return {**state, "edited": edited}
    named = {str(field["name"]).lower(): field["name"] for field in feed.description.get("fields") or []}
    if EDITED in named:
        return {**state, "edited": last_edit(ask, feed, named[EDITED])}
    content = hashlib.sha256()
    for page in pages(ask, feed):
        content.update(json.dumps(page["features"], sort_keys=True).encode())
    return {**state, "sha256": content.hexdigest()}


def last_edit(ask: Ask, feed: Feed, field: str) -> Any:
    """The newest edit among the feed's features, by the server's own statistic; None where there is none."""
    wanted = [{"statisticType": "max", "onStatisticField": field, "outStatisticFieldName": "edited"}]
    query = {**feed.query(), "outStatistics": json.dumps(wanted), "returnGeometry": "false"}
    features = call(ask, f"{feed.url}/{feed.number}/query", query).get("features") or []
    found = {name.lower(): value for name, value in features[0]["attributes"].items()} if features else {}
    return found.get("edited")

"""The inventory as the map service publishes it: which layers there are, what fields they have, the rows of each."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geopandas import GeoDataFrame

from infra.sample.folder import INVENTORY, read_layers

DATE_FIELDS = ("creation_date", "last_edited_date")


@dataclass(frozen=True)
class Layer:
    """A published layer. `source` is the layer of the data it shows, None for a group."""

    id: int
    name: str
    source: str | None
    geometry: str | None = "esriGeometryPolygon"
    min_scale: int = 0
    max_scale: int = 0
    doubtful: bool = False
    """Shows only questionable landslides, as points."""


_POINT = "esriGeometryPoint"

# As the California Geological Survey publishes its inventories: scarp and deposit apart, each twice by scale,
# and symbols for the questionable ones between them.
LAYERS = (
    Layer(0, "Landslide Inventory, synthetic sample (group)", None, None, 0, 17000),
    Layer(1, "Landslide (Source/Scarp)", "scarps", max_scale=300000),
    Layer(2, "Landslide (Source/Scarp-Questionable)", "scarps", _POINT, 50000, doubtful=True),
    Layer(3, "Landslide (Source/Scarp)", "scarps", min_scale=300000),
    Layer(4, "Landslide (Deposit)", "deposits", max_scale=300000),
    Layer(5, "Landslide (Deposit-Questionable)", "deposits", _POINT, 50000, doubtful=True),
    Layer(6, "Landslide (Deposit)", "deposits", min_scale=300000),
    Layer(7, "Mapped extent", "extent"),
    Layer(8, "Not a landslide (confusers of the synthetic terrain)", "confusers"),
)


class Inventory:
    """The rows of a data folder; an edited file is read again at the next question."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / INVENTORY
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._sources: dict[str, GeoDataFrame] = {}
        self._projected: dict[tuple[int, int | str], GeoDataFrame] = {}

    def rows(self, layer: Layer, crs: int | str) -> GeoDataFrame:
        """Rows of a layer in a coordinate system (EPSG number or name)."""
        with self._lock:
            self._refresh()
            key = (layer.id, crs)
            if key not in self._projected:
                self._projected[key] = _shown(layer, self._sources[layer.source or ""]).to_crs(crs)
            return self._projected[key]

    def last_edit(self, layer: Layer) -> int:
        """Latest edit of a layer, milliseconds since 1970; 0 for a layer that keeps no dates."""
        with self._lock:
            self._refresh()
            rows = self._sources[layer.source or ""]
            return int(rows["last_edited_date"].max()) if "last_edited_date" in rows else 0

    def _refresh(self) -> None:
        stat = self._path.stat()
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            self._sources, self._projected, self._seen = read_layers(self._path), {}, seen


def _shown(layer: Layer, rows: GeoDataFrame) -> GeoDataFrame:
    if not layer.doubtful:
        return rows
    doubtful = rows[rows["confidence"] == "q"]
    return doubtful.set_geometry(doubtful.representative_point())


def field_definitions(rows: GeoDataFrame) -> list[dict[str, Any]]:
    """The layer's fields in Esri's words."""
    kinds = {"i": "esriFieldTypeInteger", "f": "esriFieldTypeDouble"}
    fields = []
    for name in rows.columns.drop("geometry"):
        kind = kinds.get(rows[name].dtype.kind, "esriFieldTypeString")
        kind = (
            "esriFieldTypeOID" if name == "OBJECTID" else "esriFieldTypeDate" if name in DATE_FIELDS else kind
        )
        entry = {"name": name, "type": kind, "alias": name, "domain": None}
        fields.append({**entry, "length": 255} if kind == "esriFieldTypeString" else entry)
    return fields

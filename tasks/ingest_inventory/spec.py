"""What `ingest_inventory` takes, makes and may be given."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import InvalidConfig, InvalidParams
from tasks.contract.grid import region_grid
from tasks.contract.names import checked_segment
from tasks.contract.spec import TaskSpec

EITHER = re.compile(r"\bor\b", re.IGNORECASE)
Layer = str | int  # a layer's name; in an ArcGIS service also its number


@dataclass(frozen=True)
class Target:
    """Where a target's polygons are: a layer (of a file it may be the only one) and which of its features."""

    layer: Layer = ""
    where: str = ""

    @classmethod
    def of(cls, name: str, value: Any) -> Target:
        """From a layer, or a table of layer and where."""
        if isinstance(value, str | int) and not isinstance(value, bool):
            return cls(layer=value)
        if not isinstance(value, dict) or not value or set(value) - {"layer", "where"}:
            raise InvalidParams(
                f'[inventory.targets] {name} must be a layer or {{layer = "...", where = "..."}}, found {value!r}'
            )
        return cls(**value)


@dataclass(frozen=True)
class Source:
    """The `[inventory]` table of a region.

    `arcgis`: a MapServer or FeatureServer at `url`. `file`: GeoPackage, GeoJSON, GeoParquet or shapefile (also
    zipped) at `path`: below PIPELINE_DATA, http(s):// or s3://. `targets` says which layer, or which features of a
    layer, are which target. What was mapped is said by one of `extent_layer` (a layer of the source), `extent_path`
    (a file, its only layer) or `extent` = "bounds" (all of it); `extent_where` takes what was mapped from an index.
    `where` leaves features out of all targets, superseded ones for example; `id_field` and `landslide_field` name a
    polygon's id and that of its landslide, which scarp and deposit share, `date_field` when it moved and
    `confidence_field` how sure of it the mapper was.
    """

    source: str
    targets: tuple[tuple[str, Target], ...]
    url: str = ""
    path: str = ""
    extent_layer: Layer = ""
    extent_path: str = ""
    extent_where: str = ""
    extent: str = ""
    where: str = ""
    id_field: str = ""
    landslide_field: str = ""
    date_field: str = ""
    confidence_field: str = ""
    min_area_m2: float = 1.0
    license: str = ""
    attribution: str = ""

    def __post_init__(self) -> None:
        needs = {"arcgis": "url", "file": "path"}
        if self.source not in needs:
            raise InvalidParams(f"[inventory] source must be one of {sorted(needs)}, found {self.source!r}")
        if not getattr(self, needs[self.source]):
            raise InvalidParams(f"[inventory] source = {self.source!r} needs {needs[self.source]}")
        if not self.targets:
            raise InvalidParams(
                '[inventory.targets] is empty; name a layer for a target, such as scarps = "Scarps"'
            )
        for name, target in self.targets:
            checked_segment(name, "target")
            if self.source == "arcgis" and target.layer == "":
                raise InvalidParams(f"[inventory.targets] {name} must name a layer of the service")
        said = [self.extent_layer != "", self.extent_path != "", self.extent == "bounds"]
        if sum(said) != 1 or self.extent not in ("", "bounds"):
            raise InvalidParams(
                '[inventory] must say once what was mapped: extent_layer, extent_path or extent = "bounds"'
            )
        if self.extent_where and self.extent:
            raise InvalidParams(
                "[inventory] extent_where needs an extent_layer or extent_path to choose from"
            )
        if not 0 <= self.min_area_m2 < math.inf:
            raise InvalidParams(f"[inventory] min_area_m2 must be 0 or more, found {self.min_area_m2}")

    @classmethod
    def of(cls, table: dict[str, Any]) -> Source:
        """Read the table; a setting that is not known is an error, not ignored."""
        known = {field.name for field in fields(cls)}
        if set(table) - known or not {"source", "targets"} <= set(table):
            raise InvalidParams(
                f"[inventory] needs source and targets and may hold {', '.join(sorted(known))}; "
                f"unknown: {sorted(set(table) - known)}"
            )
        targets = tuple((name, Target.of(name, value)) for name, value in sorted(table["targets"].items()))
        return cls(**{**table, "targets": targets})


def both(one: str, other: str) -> str:
    """Two where clauses as one; in brackets only where they need them, as not every server reads brackets."""
    clauses = [clause for clause in (one, other) if clause]
    if len(clauses) < 2:
        return "".join(clauses)
    return " AND ".join(f"({clause})" if EITHER.search(clause) else clause for clause in clauses)


@dataclass(frozen=True)
class Params:
    """Where the region lies (left, bottom, right, top in metres of `crs`) and where its inventory comes from."""

    region: str
    crs: str
    bounds: tuple[float, float, float, float]
    source: Source
    synthetic: bool

    @property
    def epsg(self) -> int:
        """The number of the CRS."""
        return int(self.crs.removeprefix("EPSG:"))

    @classmethod
    def of(cls, config: Config, *, region: str) -> Params:
        """From `regions/<region>.toml`."""
        table = config.region(region)
        if "inventory" not in table:
            raise InvalidConfig(f"region {region!r} has no [inventory] table, so there is nothing to ingest")
        left, bottom, right, top = (float(edge) for edge in table["bounds"])
        return cls(
            region=region,
            crs=region_grid(table).crs,
            bounds=(left, bottom, right, top),
            source=Source.of(table["inventory"]),
            synthetic=bool(table.get("synthetic", False)),
        )


SPEC = TaskSpec(
    name="ingest_inventory",
    image="terrain",
    makes={"inventory": "inventory"},
    params=Params,
    libraries=("geopandas", "pandas", "pyogrio", "pyarrow", "pyproj", "shapely"),
    uses=("tasks.sources",),
    asks_source=True,
)

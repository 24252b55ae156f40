"""What `ingest_dem` takes, makes and may be given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.grid import Grid, region_grid
from tasks.contract.spec import TaskSpec

METRES_PER_UNIT = {"metre": 1.0, "foot": 0.3048, "us-survey-foot": 1200 / 3937}
MARGIN_PX = 128


@dataclass(frozen=True)
class Source:
    """The `[dem]` table of a region.

    `tnm`: products of `dataset` from a TNM Access `url`. `file`: a GeoTIFF at `path` below PIPELINE_DATA.
    `max_gap` is the share of the cells in the region's bounds that may be without elevation;
    `lonlat` = [west, south, east, north] is needed by `tnm` only where the region's CRS is not a UTM zone;
    `vertical_unit` is by default what the file says, else metre.
    """

    source: str
    url: str = ""
    dataset: str = "National Elevation Dataset (NED) 1/3 arc-second"
    path: str = ""
    max_gap: float = 0.001
    lonlat: tuple[float, ...] = ()
    vertical_unit: str = ""
    vertical_datum: str = ""
    license: str = ""
    attribution: str = ""

    def __post_init__(self) -> None:
        needs = {"tnm": "url", "file": "path"}
        if self.source not in needs:
            raise InvalidParams(f"[dem] source must be one of {sorted(needs)}, found {self.source!r}")
        if not getattr(self, needs[self.source]):
            raise InvalidParams(f"[dem] source = {self.source!r} needs {needs[self.source]}")
        if self.vertical_unit and self.vertical_unit not in METRES_PER_UNIT:
            raise InvalidParams(
                f"[dem] vertical_unit must be one of {sorted(METRES_PER_UNIT)}, found {self.vertical_unit!r}"
            )
        if not 0 <= self.max_gap < 1:
            raise InvalidParams(f"[dem] max_gap is a share from 0 to below 1, found {self.max_gap}")
        if self.lonlat and len(self.lonlat) != 4:
            raise InvalidParams(f"[dem] lonlat must be [west, south, east, north], found {list(self.lonlat)}")

    @classmethod
    def of(cls, table: dict[str, Any]) -> Source:
        """Read the table; a setting that is not known is an error, not ignored."""
        unknown = set(table) - {field.name for field in fields(cls)}
        if unknown or "source" not in table:
            known = ", ".join(field.name for field in fields(cls))
            raise InvalidParams(f"[dem] needs source and may hold {known}; unknown: {sorted(unknown)}")
        return cls(**{**table, "lonlat": tuple(table.get("lonlat", ()))})


@dataclass(frozen=True)
class Params:
    """Where the DEM lies, how much of a margin it gets, and where it comes from.

    `bounds` (left, bottom, right, top) is what the region asks for, `grid` that in whole tiles.
    """

    region: str
    grid: Grid
    bounds: tuple[float, ...]
    margin_px: int
    source: Source
    synthetic: bool

    def __post_init__(self) -> None:
        if self.margin_px < 1:
            raise InvalidParams(
                f"margin_px must be at least 1, for slopes at the edge; found {self.margin_px}"
            )

    @classmethod
    def of(cls, config: Config, *, region: str) -> Params:
        """From `regions/<region>.toml`."""
        table = config.region(region)
        return cls(
            region=region,
            grid=region_grid(table),
            bounds=tuple(float(edge) for edge in table["bounds"]),
            margin_px=int(table.get("margin_px", MARGIN_PX)),
            source=Source.of(table.get("dem", {})),
            synthetic=bool(table.get("synthetic", False)),
        )


SPEC = TaskSpec(
    name="ingest_dem",
    image="terrain",
    makes={"dem": "dem"},
    params=Params,
    libraries=("rasterio", "numpy"),
    uses=("tasks.sources", "tasks.science.bounds", "tasks.science.windows"),
    asks_source=True,
)

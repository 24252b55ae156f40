"""What `ingest_dem` takes, makes and may be given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.grid import Grid, region_grid, region_margin
from tasks.contract.spec import TaskSpec

METRES_PER_UNIT = {"metre": 1.0, "foot": 0.3048, "us-survey-foot": 1200 / 3937}
PRODUCTS = {
    "1/3 arc-second": "National Elevation Dataset (NED) 1/3 arc-second",
    "1 arc-second": "National Elevation Dataset (NED) 1 arc-second",
    "1 meter": "Digital Elevation Model (DEM) 1 meter",
}
"""3DEP's products by TNM Access's names of their data sets."""


@dataclass(frozen=True)
class Source:
    """The `[dem]` table of a region.

    `tnm`: a `product` of 3DEP from a TNM Access `url`, the newest of each cell; pinned to what was published by
    `published_until` (YYYY-MM-DD) or to `products`, a list of TNM's source ids.
    `file`: a raster, or a folder of tiles (`tiles/`, `tiles/*.tif`), at the address `path`: below PIPELINE_DATA,
    http(s):// or s3://; where tiles overlap, the first by name wins. `acquired` (YYYY-MM-DD) is when it was surveyed.
    `max_gap` is the share of the cells in the region's bounds that may be without elevation;
    `lonlat` = [west, south, east, north] is needed by `tnm` only where the region's CRS is not a UTM zone;
    `vertical_unit` is by default what the file says, else metre.
    """

    source: str
    url: str = ""
    product: str = "1/3 arc-second"
    published_until: str = ""
    products: tuple[str, ...] = ()
    path: str = ""
    acquired: str = ""
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
        if self.product not in PRODUCTS:
            raise InvalidParams(f"[dem] product must be one of {sorted(PRODUCTS)}, found {self.product!r}")
        for name in ("published_until", "acquired"):
            if (text := getattr(self, name)) and not is_date(text):
                raise InvalidParams(f"[dem] {name} must be a date such as 2024-05-31, found {text!r}")
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
        lists = {name: tuple(table.get(name, ())) for name in ("lonlat", "products")}
        return cls(**{**table, **lists})


def is_date(text: object) -> bool:
    """Whether a text is a date as ISO 8601 writes it."""
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


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
            margin_px=region_margin(table),
            source=Source.of(table.get("dem", {})),
            synthetic=bool(table.get("synthetic", False)),
        )


SPEC = TaskSpec(
    name="ingest_dem",
    image="terrain",
    makes={"dem": "dem"},
    params=Params,
    libraries=("rasterio", "numpy"),
    uses=(
        "tasks.sources.http",
        "tasks.sources.resume",
        "tasks.sources.files",
        "tasks.sources.raster",
        "tasks.science.mosaic",
        "tasks.science.bounds",
        "tasks.science.windows",
    ),
    asks_source=True,
)

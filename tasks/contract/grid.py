"""The working grid: square metric cells, north up, origin snapped to whole tiles in absolute coordinates."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tasks.contract.errors import BadData, InvalidConfig

MAX_CELLS = 200_000 * 200_000
MARGIN_PX = 128


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid: left and top edge in CRS units (metres), cell size in metres, size in cells."""

    crs: str
    left: float
    top: float
    cell_m: float
    width: int
    height: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"EPSG:\d{4,6}", self.crs):
            raise BadData(f"a grid's CRS must be an EPSG code such as EPSG:32610, found {self.crs!r}")
        if not (self.cell_m > 0 and math.isfinite(self.cell_m)):
            raise BadData(f"a grid's cells must have a positive size, found {self.cell_m}")
        if self.width < 1 or self.height < 1 or self.width * self.height > MAX_CELLS:
            raise BadData(f"a grid of {self.width} x {self.height} cells is empty or too large")

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """The affine transform in rasterio's order (a, b, c, d, e, f)."""
        return (self.cell_m, 0.0, self.left, 0.0, -self.cell_m, self.top)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in CRS units."""
        bottom = self.top - self.height * self.cell_m
        return (self.left, bottom, self.left + self.width * self.cell_m, self.top)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (self.height, self.width)

    def padded(self, px: int) -> Grid:
        """The grid with `px` more cells on every side (fewer when negative)."""
        return replace(
            self,
            left=self.left - px * self.cell_m,
            top=self.top + px * self.cell_m,
            width=self.width + 2 * px,
            height=self.height + 2 * px,
        )

    def properties(self) -> dict[str, Any]:
        """What a raster's manifest records, by rasterio's names."""
        return {
            "crs": self.crs,
            "transform": list(self.transform),
            "width": self.width,
            "height": self.height,
        }

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Grid:
        """The grid a manifest's properties name."""
        try:
            a, b, c, d, e, f = properties["transform"]
            grid = cls(properties["crs"], c, f, a, int(properties["width"]), int(properties["height"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadData(
                f"the properties name no grid (crs, transform, width, height): {error!r}"
            ) from error
        if b or d or e != -a:
            raise BadData(
                f"the raster is not north up with square cells: transform {properties['transform']}"
            )
        return grid

    def __str__(self) -> str:
        return f"{self.width} x {self.height} cells of {self.cell_m:g} m at ({self.left:g}, {self.top:g}) in {self.crs}"


def region_margin(region: Mapping[str, Any]) -> int:
    """Cells around a region's grid that its DEM and layers reach, for what a cell's surroundings decide."""
    return int(region.get("margin_px", MARGIN_PX))


def region_grid(region: Mapping[str, Any], tile_px: int = 64) -> Grid:
    """A region's grid: its bounds snapped outward to whole tiles, counted from the CRS's origin.

    `region` holds `crs` (metric), `bounds` (left, bottom, right, top in metres) and `cell_m`.
    """
    try:
        crs, cell_m = str(region["crs"]), float(region["cell_m"])
        left, bottom, right, top = (float(v) for v in region["bounds"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidConfig(
            f"a region needs crs, cell_m and bounds = [left, bottom, right, top]: {error!r}"
        ) from error
    if not (left < right and bottom < top):
        raise InvalidConfig(
            f"a region's bounds must be [left, bottom, right, top], found {list(region['bounds'])}"
        )
    tile_m = tile_px * cell_m
    columns = (math.floor(left / tile_m + 1e-9), math.ceil(right / tile_m - 1e-9))
    rows = (math.floor(bottom / tile_m + 1e-9), math.ceil(top / tile_m - 1e-9))
    return Grid(
        crs,
        left=columns[0] * tile_m,
        top=rows[1] * tile_m,
        cell_m=cell_m,
        width=(columns[1] - columns[0]) * tile_px,
        height=(rows[1] - rows[0]) * tile_px,
    )

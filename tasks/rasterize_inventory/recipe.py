"""Burn one target's polygons; what was not mapped, or has no terrain, is unknown and not background.

Nothing of the other targets enters the files or the properties, so an edited scarp leaves the deposits' mask as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData, GridMismatch
from tasks.contract.grid import Grid
from tasks.rasterize_inventory.burn import UNKNOWN, burn_extent, burn_numbers, numbered
from tasks.science.windows import windows
from tasks.store.raster import Part, read_window, write_cog

WINDOW_PX = 1024


def run(job: Any) -> dict[str, Any]:
    """Write mask.tif (0, 1, 255 unknown) and landslides.tif (landslide number, 0 none)."""
    stack, inventory, target = job.one("stack"), job.one("inventory"), job.params.target
    grid = Grid.of(stack.properties)
    polygons = _on(grid, gpd.read_parquet(inventory.file("inventory.parquet")))
    polygons = polygons[polygons["target"] == target]
    if polygons.empty:
        raise BadData(
            f"the inventory of {inventory.properties['region']} has no polygon of target {target!r}; "
            "name its layer under [inventory.targets] in the region's file"
        )
    numbers = burn_numbers(numbered(polygons), grid, job.params.all_touched)
    younger = polygons[dated_after(polygons, stack.properties)]
    unknown = ~burn_extent(_on(grid, gpd.read_parquet(inventory.file("extent.parquet"))), grid)
    unknown |= nodata(stack.file("stack.tif"), grid)
    if job.params.younger == "ignore" and len(younger):
        unknown |= burn_numbers(numbered(younger), grid, job.params.all_touched) > 0
    numbers[unknown] = 0
    mask = np.where(unknown, np.uint8(UNKNOWN), (numbers > 0).astype(np.uint8))

    write_cog(
        job.out / "landslides.tif", grid, [Part(0, 0, numbers)],
        bands=["landslide"], dtype="uint32", nodata=None, overviews="nearest",
    )  # fmt: skip
    raster = write_cog(
        job.out / "mask.tif", grid, [Part(0, 0, mask)],
        bands=[target], dtype="uint8", nodata=UNKNOWN, overviews="mode",
    )  # fmt: skip
    return {
        **raster,
        "region": inventory.properties["region"],
        "synthetic": bool(inventory.properties.get("synthetic", False)),
        "target": target,
        "positives": int(np.count_nonzero(mask == 1)),
        "unknown": int(np.count_nonzero(unknown)),
        "landslides": len(np.unique(numbers[numbers > 0])),
        "younger_than_terrain": len(younger),
    }


def _on(grid: Grid, table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if table.crs is None or table.crs != grid.crs:
        found = table.crs.to_string() if table.crs else "no CRS"
        raise GridMismatch(
            f"the inventory is in {found}, the stack in {grid.crs}; run ingest_inventory again"
        )
    return table


def dated_after(polygons: gpd.GeoDataFrame, stack: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Polygons dated after the newest elevation; a date may be a year or a month only, and is then compared as such."""
    newest = (stack.get("terrain_dates") or {}).get("newest") or "9999"
    dates = polygons["date"] if "date" in polygons else [None] * len(polygons)
    return np.array([isinstance(day, str) and day > newest[: len(day)] for day in dates], bool)


def nodata(stack: Path, grid: Grid) -> NDArray[np.bool_]:
    """Cells without a value in any band."""
    unknown = np.zeros(grid.shape, bool)
    for window in windows(grid.height, grid.width, WINDOW_PX):
        bands = read_window(stack, window.row, window.col, window.height, window.width)
        unknown[window.slices] = np.isnan(bands).any(axis=0)
    return unknown

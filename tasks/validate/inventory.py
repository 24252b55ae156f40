"""What an inventory's polygons say about its quality."""

from __future__ import annotations

from collections.abc import Container, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from tasks.validate.checks import COUNT, SHARE, SQUARE_METRES, WARN, Check, Row


def inventory_rows(
    inventory: gpd.GeoDataFrame, extent: BaseGeometry, targets: Sequence[str], terrain_date: str = ""
) -> list[Row]:
    """One row a target: those expected, and any other that is there. Areas in square metres."""
    young = younger(inventory, terrain_date)
    found = [str(target) for target in inventory["target"].unique()]
    crs = inventory.crs.to_string() if inventory.crs else "none"
    return [
        {
            "item": target,
            "crs": crs,
            **target_row(inventory.geometry[inventory["target"] == target], extent),
            "younger": int(young[inventory["target"] == target].sum()),
        }
        for target in sorted({*targets, *found})
    ]


def younger(inventory: gpd.GeoDataFrame, terrain_date: str) -> pd.Series[bool]:
    """Which landslides are dated after the terrain was measured: their shape is not in it. Dates are ISO text."""
    if not terrain_date or "date" not in inventory:
        return pd.Series(False, index=inventory.index)
    dates = inventory["date"].fillna("").astype(str).str[:10]
    return (dates > terrain_date[:10]) & (dates != "")


def target_row(shapes: gpd.GeoSeries, extent: BaseGeometry) -> Row:
    """Statistics of one target's polygons."""
    polygons = np.asarray(shapes.array)
    areas = shapely.area(polygons)
    total = float(areas.sum())
    union = shapely.union_all(shapely.make_valid(polygons))
    outside = shapely.difference(union, extent).area
    return {
        "count": len(areas),
        "valid_share": float(shapely.is_valid(polygons).mean()) if len(areas) else 1.0,
        "area_min": float(areas.min()) if len(areas) else None,
        "area_median": float(np.median(areas)) if len(areas) else None,
        "largest_share": float(areas.max()) / extent.area if len(areas) else 0.0,
        "outside_share": outside / union.area if total else 0.0,
        "overlap_share": round(max(0.0, 1 - union.area / total), 9) if total else 0.0,
    }


def inventory_checks(
    limits: dict[str, float], crs: str, cell_m: float, targets: Sequence[str]
) -> list[Check]:
    """What is expected of an inventory."""
    median = limits["area_median_min_cells"] * cell_m**2
    largest, outside, overlap = (limits[f"{name}_share_max"] for name in ("largest", "outside", "overlap"))
    return [
        Check("crs", "Coordinate reference system", "crs", among=[crs]),
        Check("targets", "Targets", "item", all_of=targets),
        Check("count", "Polygons", "count", limits["count_min"], unit=COUNT),
        Check("validity", "Polygons with proper rings", "valid_share", 1.0, 1.0, unit=SHARE),
        Check("smallest", "Smallest polygon", "area_min", limits["area_min_m2"], unit=SQUARE_METRES),
        Check("median", "Median polygon", "area_median", median, unit=SQUARE_METRES),
        Check("largest", "Largest polygon, of the mapped area", "largest_share", high=largest, unit=SHARE),
        Check("outside", "Area outside the mapped extent", "outside_share", high=outside, unit=SHARE),
        Check(
            "overlap", "Area covered more than once in a target", "overlap_share", high=overlap, unit=SHARE
        ),
    ]


def date_check(limits: dict[str, float], terrain_date: str) -> Check:
    """Landslides that the terrain cannot show yet."""
    title = f"Polygons dated after the terrain ({terrain_date[:10]})"
    return Check("younger", title, "younger", high=limits["younger_max"], unit=COUNT, level=WARN)


def suspects(
    inventory: gpd.GeoDataFrame,
    extent: BaseGeometry,
    failing: Container[str],
    limits: dict[str, float],
    terrain_date: str,
    most: int = 10,
) -> list[Row]:
    """Single polygons behind the checks that fail: which, why, and where; at most so many a check."""
    shapes = np.asarray(inventory.geometry.array)
    areas, invalid = shapely.area(shapes), ~shapely.is_valid(shapes)
    whys = {
        "validity": (invalid, "rings not proper"),
        "smallest": (areas < limits["area_min_m2"], "smaller than the smallest allowed"),
        "largest": (areas > limits["largest_share_max"] * extent.area, "larger than the largest allowed"),
        "outside": (~shapely.intersects(shapely.make_valid(shapes), extent), "outside the mapped extent"),
        "younger": (younger(inventory, terrain_date).to_numpy(), "dated after the terrain"),
    }
    rows = []
    for check, (which, why) in whys.items():
        if check not in failing:
            continue
        for n in np.flatnonzero(which)[:most]:
            at = shapely.centroid(shapes[n])
            about = {"id": inventory["id"].iloc[n], "target": inventory["target"].iloc[n], "why": why}
            where = {"easting": f"{at.x:.0f}", "northing": f"{at.y:.0f}"} if not at.is_empty else {}
            rows.append(
                {**about, "area (m²)": f"{areas[n]:,.1f}", **{"easting": "", "northing": ""}, **where}
            )
    return rows

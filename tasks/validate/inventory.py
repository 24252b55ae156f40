"""What an inventory's polygons say about its quality."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tasks.validate.checks import COUNT, SHARE, SQUARE_METRES, Check, Row


def inventory_rows(inventory: gpd.GeoDataFrame, extent: BaseGeometry, targets: Sequence[str]) -> list[Row]:
    """One row a target: those expected, and any other that is there. Areas in square metres."""
    found = [str(target) for target in inventory["target"].unique()]
    crs = inventory.crs.to_string() if inventory.crs else "none"
    return [
        {"item": target, "crs": crs, **target_row(inventory.geometry[inventory["target"] == target], extent)}
        for target in sorted({*targets, *found})
    ]


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
        "overlap_share": max(0.0, 1 - union.area / total) if total else 0.0,
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

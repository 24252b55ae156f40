"""Clean polygons and count what was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

Counts = dict[str, int]
POLYGONS = (3, 6)  # GEOS type ids of Polygon and MultiPolygon
MIN_AREA_M2 = 1.0
MIN_WIDTH_M = 0.1


def clean(
    frame: gpd.GeoDataFrame, region: BaseGeometry, min_area_m2: float = MIN_AREA_M2
) -> tuple[gpd.GeoDataFrame, Counts]:
    """Valid, flat, single polygons that meet the region (whole, not cut), in the frame's CRS.

    Counts: read; empty (none, not a polygon, or no area left once repaired); z_removed; repaired (invalid rings);
    slivers (smaller than `min_area_m2`, or on average thinner than 0.1 m); duplicates (the same shape again);
    outside (not in the region); kept. read = empty + slivers + duplicates + outside + kept.
    """
    counts: Counts = {"read": len(frame)}
    shapes = np.array(frame.geometry.array, dtype=object)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    there &= np.isfinite(shapely.bounds(shapes)).all(axis=1)  # corners that cannot be projected
    counts["z_removed"] = int(shapely.has_z(shapes[there]).sum())
    shapes[there] = shapely.force_2d(shapes[there])
    invalid = there & ~shapely.is_valid(shapes)
    counts["repaired"] = int(invalid.sum())
    shapes[invalid] = [polygons_of(shape) for shape in shapely.make_valid(shapes[invalid])]
    there &= np.isin(shapely.get_type_id(shapes), POLYGONS)
    there[there] = shapely.area(shapes[there]) > 0
    counts["empty"] = int((~there).sum())
    mended = gpd.GeoSeries(shapely.normalize(shapes), index=frame.index, crs=frame.crs)
    frame = frame.set_geometry(mended)[there]
    sliver = (frame.area < min_area_m2) | (mean_width(frame.geometry) < MIN_WIDTH_M)
    counts["slivers"] = int(sliver.sum())
    frame = frame[~sliver]
    again = frame.geometry.to_wkb().duplicated()
    counts["duplicates"] = int(again.sum())
    frame = frame[~again]
    meets = frame.intersects(region) & ~frame.touches(region)
    counts["outside"] = int((~meets).sum())
    counts["kept"] = int(meets.sum())
    return frame[meets].reset_index(drop=True), counts


def mean_width(shapes: gpd.GeoSeries) -> pd.Series:
    """Of a long thin shape: its area by half its outline."""
    return 2 * shapes.area / shapes.length


def polygons_of(shape: BaseGeometry) -> BaseGeometry:
    """The polygons in a geometry, without the lines and points a repair may leave."""
    parts = shapely.get_parts(shapely.get_parts(np.array([shape])))
    return shapely.union_all([part for part in parts if part.geom_type in ("Polygon", "MultiPolygon")])


def total(cleaned: Mapping[str, Mapping[str, int]]) -> Counts:
    """The counts of all targets together."""
    names: list[Any] = list(dict.fromkeys(name for counts in cleaned.values() for name in counts))
    return {name: sum(counts.get(name, 0) for counts in cleaned.values()) for name in names}

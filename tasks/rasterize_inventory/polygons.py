"""One target's polygons: which count, in which order, and how wide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

EXACT = 0.01  # of the width


def numbered(polygons: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The polygons with a `number` 1..n per landslide, in the order of the landslides' ids."""
    ranks = {landslide: rank for rank, landslide in enumerate(sorted(set(polygons["landslide_id"])), 1)}
    return polygons.assign(number=polygons["landslide_id"].map(ranks))


def smallest_last(polygons: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """In burning order: landslides by the area of all their polygons, of equal ones that of the first id last."""
    area = polygons.area.groupby(polygons["number"]).transform("sum")
    order = np.lexsort((polygons["number"], area))[::-1]
    return polygons.iloc[order].reset_index(drop=True)


def widened(shapes: NDArray[Any], min_width_m: float) -> tuple[NDArray[Any], int]:
    """Shapes, those that are narrower widened to `min_width_m`, and how many these were.

    The width is that of the widest place, twice the radius of the largest circle inside, to a hundredth of
    `min_width_m`; a buffer all around makes up what is missing.
    """
    if not min_width_m:
        return shapes, 0
    exact = EXACT * min_width_m
    circles = shapely.maximum_inscribed_circle(shapes, tolerance=exact)
    missing = min_width_m / 2 - shapely.length(circles)
    narrow = missing > exact
    wide = shapes.copy()
    wide[narrow] = shapely.buffer(shapes[narrow], missing[narrow])
    return wide, int(narrow.sum())


def dated_after(polygons: gpd.GeoDataFrame, stack: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Polygons dated after the newest elevation; a date may be a year or a month only, and is then compared as such."""
    newest = (stack.get("terrain_dates") or {}).get("newest") or "9999"
    dates = polygons["date"] if "date" in polygons else [None] * len(polygons)
    return np.array([isinstance(day, str) and day > newest[: len(day)] for day in dates], bool)


def confidences(polygons: gpd.GeoDataFrame) -> dict[str, int]:
    """How many polygons have which confidence; those without one are not in it."""
    if "confidence" not in polygons:
        return {}
    return dict(sorted(Counter(polygons["confidence"].dropna()).items()))

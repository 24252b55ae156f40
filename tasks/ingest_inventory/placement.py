"""Whether polygons lie where their coordinate reference system says they do."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import ProjError
from shapely.geometry.base import BaseGeometry

from tasks.contract.errors import BadData

BEYOND_DEG = 6.0  # a UTM zone is still used one zone away from its own


def place(frame: gpd.GeoDataFrame, name: str, region: BaseGeometry, crs: str) -> gpd.GeoDataFrame:
    """The frame in `crs`. BadData where its coordinates cannot be meant in the CRS it names.

    Swapped axes are known by this: exchanged they meet the region, as they are they do not.
    """
    shapes = np.array(frame.geometry.array, dtype=object)
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    shapes = shapes[np.isfinite(shapely.bounds(shapes)).all(axis=1)]
    placed = frame.to_crs(crs)
    if not len(shapes) or meeting(placed.geometry, region):
        _refuse_beyond_the_globe(frame, name, shapes)
        return placed
    swapped = gpd.GeoSeries(shapely.transform(shapes, lambda xy: xy[:, ::-1]), crs=frame.crs).to_crs(crs)
    if meet := meeting(swapped, region):
        raise BadData(
            f"{name} has its axes swapped: with x and y exchanged {meet} of {len(shapes)} polygons meet the region, "
            "as they are none does; export it as x, y (longitude, latitude)"
        )
    _refuse_beyond_the_globe(frame, name, shapes)
    if frame.crs.is_projected:
        _refuse_outside_area_of_use(frame, name, shapes)
    return placed


def meeting(shapes: gpd.GeoSeries, region: BaseGeometry) -> int:
    """How many bounding boxes meet the region's; shapes may be invalid or, projected from afar, infinite."""
    left, bottom, right, top = region.bounds
    box = shapes.bounds
    meets = (box.minx < right) & (box.maxx > left) & (box.miny < top) & (box.maxy > bottom)
    return int((meets & np.isfinite(box).all(axis=1)).sum())


def _refuse_beyond_the_globe(frame: gpd.GeoDataFrame, name: str, shapes: NDArray[np.object_]) -> None:
    if not len(shapes) or not frame.crs.is_geographic:
        return
    parts = shapely.get_parts(shapes)
    left, bottom, right, top = shapely.bounds(parts).T
    latitude = max(-bottom.min(), top.max())
    if latitude > 90:
        raise BadData(
            f"{name} is in {crs_name(frame)}, in degrees, but has a latitude of {latitude:.9g}, beyond 90; "
            "assign the CRS its coordinates are in"
        )
    widest = (right - left).max()
    if widest > 180:
        raise BadData(
            f"{name} crosses the antimeridian: a polygon spans {widest:g} degrees of longitude, from {left.min():g} "
            f"to {right.max():g}; cut polygons at 180 degrees"
        )


def _refuse_outside_area_of_use(frame: gpd.GeoDataFrame, name: str, shapes: NDArray[np.object_]) -> None:
    used = frame.crs.area_of_use
    if used is None:
        return
    left, bottom, right, top = shapely.total_bounds(shapes)
    wanted = (
        f"{name} has coordinates outside the area of use of {crs_name(frame)} (longitude {used.west:g} to "
        f"{used.east:g}, latitude {used.south:g} to {used.north:g}): x from {left:.9g} to {right:.9g}, "
        f"y from {bottom:.9g} to {top:.9g}"
    )
    if max(abs(left), abs(right)) <= 360 and max(abs(bottom), abs(top)) <= 90:
        raise BadData(f"{wanted}, which look like degrees; assign the CRS they are in, such as EPSG:4326")
    x, y = shapely.bounds(shapes).reshape(-1, 2, 2).mean(axis=1).T
    try:
        to_degrees = Transformer.from_crs(frame.crs, "EPSG:4326", always_xy=True)
        longitude, latitude = to_degrees.transform(x, y)
    except ProjError:
        longitude, latitude = np.full_like(x, np.inf), np.full_like(y, np.inf)
    west, east = used.west - BEYOND_DEG, used.east + BEYOND_DEG
    if used.east < used.west:  # across the antimeridian
        east += 360
        longitude = np.where(longitude < west, longitude + 360, longitude)
    inside = (longitude >= west) & (longitude <= east)
    inside &= (latitude >= used.south - BEYOND_DEG) & (latitude <= used.north + BEYOND_DEG)
    if not inside.any():
        raise BadData(f"{wanted}; assign the CRS they are in")


def crs_name(frame: gpd.GeoDataFrame) -> str:
    """Such as EPSG:32610, else the name a file gives it."""
    code = frame.crs.to_epsg()
    return f"EPSG:{code}" if code else str(frame.crs.name)

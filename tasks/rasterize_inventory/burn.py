"""Polygons to cells."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from tasks.contract.grid import Grid

UNKNOWN = 255


def numbered(polygons: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The polygons in burning order with a `number` 1..n per landslide, by landslide id and polygon id."""
    ordered = polygons.sort_values(["landslide_id", "id"], kind="stable", ignore_index=True)
    ranks = {landslide: rank for rank, landslide in enumerate(sorted(set(ordered["landslide_id"])), 1)}
    return ordered.assign(number=ordered["landslide_id"].map(ranks))


def burn_numbers(polygons: gpd.GeoDataFrame, grid: Grid, all_touched: bool) -> NDArray[np.uint32]:
    """The landslide's number on every cell whose centre a polygon holds (or that it touches), 0 elsewhere.

    Where landslides overlap the higher number wins.
    """
    shapes = zip(polygons.geometry, polygons["number"], strict=True)
    return _burn(list(shapes), grid, all_touched).astype(np.uint32)


def burn_extent(extent: gpd.GeoDataFrame, grid: Grid) -> NDArray[np.bool_]:
    """Cells whose centre was mapped."""
    return _burn([(geometry, 1) for geometry in extent.geometry], grid, all_touched=False).astype(bool)


def _burn(shapes: list[tuple[Any, int]], grid: Grid, all_touched: bool) -> NDArray[Any]:
    if not shapes:
        return np.zeros(grid.shape, np.uint32)
    burnt: NDArray[Any] = rasterize(
        shapes, grid.shape, fill=0, transform=Affine(*grid.transform), all_touched=all_touched, dtype="uint32"
    )
    return burnt

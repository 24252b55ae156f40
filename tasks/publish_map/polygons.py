"""A mask as polygons."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy import ndimage
from shapely.geometry import shape

from tasks.contract.grid import Grid


def polygons_of(
    positive: NDArray[np.bool_], probability: NDArray[np.float32], grid: Grid, min_area_m2: float = 0.0
) -> gpd.GeoDataFrame:
    """One polygon per patch of cells that share edges, along the cells' edges: `area_m2`, `mean_probability`."""
    labels, count = ndimage.label(positive)
    means = ndimage.mean(probability, labels, np.arange(1, count + 1)) if count else np.empty(0)
    found = shapes(labels.astype(np.int32), mask=positive, connectivity=4, transform=Affine(*grid.transform))
    outlines = sorted(((int(label), shape(outline)) for outline, label in found), key=lambda pair: pair[0])
    table = gpd.GeoDataFrame(
        {
            "area_m2": [outline.area for _, outline in outlines],
            "mean_probability": [round(float(means[label - 1]), 4) for label, _ in outlines],
        },
        geometry=[outline for _, outline in outlines],
        crs=grid.crs,
    )
    return table[table["area_m2"] >= min_area_m2].reset_index(drop=True)

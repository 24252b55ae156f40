"""Bands that compare a cell with its surroundings; nodata (NaN) has no weight and stays NaN.

Every sum is a separable filter in float64, whose order of additions depends on the kernel only: a window with a
halo gives the same bits as the whole raster. (A running mean, such as scipy's `uniform_filter`, would not.)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TRUNCATE = 4.0
RESIDUAL_SD = 2
ROUGHNESS_PX = 5
NEIGHBOURS = [(row, col) for row in (0, 1, 2) for col in (0, 1, 2) if (row, col) != (1, 1)]

Filter = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def gaussian_reach(sd: float) -> int:
    """Cells to each side that `gaussian_mean` looks at."""
    return int(TRUNCATE * sd + 0.5)


def gaussian_mean(dem: NDArray[np.floating], sd: float) -> NDArray[np.float64]:
    """Mean over a Gaussian of `sd` cells, of the cells that have data (normalised convolution)."""

    def weighted(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(ndimage.gaussian_filter(values, sd, mode="constant", truncate=TRUNCATE))

    known = ~np.isnan(dem)
    sums = weighted(np.where(known, dem, 0.0).astype(np.float64))
    mean = np.full(dem.shape, np.nan)
    np.divide(sums, weight(known, weighted, gaussian_reach(sd)), out=mean, where=known)
    return mean


def roughness(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of the residual relief in 5 x 5 cells, in its unit.

    Grohmann, Smith and Riccomini 2011, Multiscale analysis of topographic surface roughness in the Midland Valley,
    Scotland: of six measures the one that tells fine texture on slopes best. The residual is the elevation less its
    Gaussian mean at `RESIDUAL_SD` cells, where theirs is a box mean.
    """
    known = ~np.isnan(residual)
    filled = np.where(known, residual, 0.0)
    box = box_sum(ROUGHNESS_PX // 2)
    count, total, squares = weight(known, box, ROUGHNESS_PX // 2), box(filled), box(filled**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = squares / count - (total / count) ** 2
    return np.where(known, np.sqrt(np.maximum(variance, 0.0)), np.nan)


def topographic_position(dem: NDArray[np.floating], radius_px: int) -> NDArray[np.float64]:
    """Elevation less the mean of the other cells within `radius_px` rows and columns, in metres (Weiss 2001)."""
    known = ~np.isnan(dem)
    filled = np.where(known, dem, 0.0).astype(np.float64)
    box = box_sum(radius_px)
    others = weight(known, box, radius_px) - 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, filled - (box(filled) - filled) / others, np.nan))


def local_relief(dem: NDArray[np.floating], radius_px: int) -> NDArray[np.floating]:
    """Highest less lowest elevation within `radius_px` rows and columns, in metres."""
    unknown, size = np.isnan(dem), 2 * radius_px + 1
    lowest = ndimage.minimum_filter(np.where(unknown, np.inf, dem), size, mode="constant", cval=np.inf)
    highest = ndimage.maximum_filter(np.where(unknown, -np.inf, dem), size, mode="constant", cval=-np.inf)
    relief: NDArray[np.floating] = np.subtract(highest, lowest, out=np.full_like(dem, np.nan), where=~unknown)
    return relief


def ruggedness(dem: NDArray[np.floating]) -> NDArray[np.float64]:
    """Root of the summed squares of the differences to the eight neighbours, in metres (Riley et al. 1999).

    NaN where a neighbour is unknown, and along the array's edge.
    """
    around = np.pad(dem.astype(np.float64), 1, constant_values=np.nan)
    height, width = dem.shape
    squares = np.zeros(dem.shape)
    for row, col in NEIGHBOURS:
        squares += (around[row : row + height, col : col + width] - dem) ** 2
    return np.sqrt(squares)


def box_sum(radius_px: int) -> Filter:
    """The filter that sums the cells within `radius_px` rows and columns; beyond the array's edge there is 0."""
    ones = np.ones(2 * radius_px + 1)

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = ndimage.correlate1d(values, ones, axis=0, mode="constant")
        return np.asarray(ndimage.correlate1d(rows, ones, axis=1, mode="constant"))

    return summed


def weight(known: NDArray[np.bool_], filtered: Filter, reach: int) -> NDArray[np.float64]:
    """The filter of 1 where known and 0 elsewhere.

    Without nodata all cells but the outermost have the same weight, bit for bit: an array just wide enough to have
    one of each kind is filtered instead.
    """
    if not known.all() or min(known.shape) <= 2 * reach:
        return filtered(known.astype(np.float64))
    few = filtered(np.ones((2 * reach + 1, 2 * reach + 1)))
    rows, cols = (
        np.minimum(cells, reach) + np.maximum(cells - (cells[-1] - reach), 0)
        for cells in map(np.arange, known.shape)
    )
    return np.asarray(few[rows][:, cols])

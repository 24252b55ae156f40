"""Bands that compare a cell with its surroundings; nodata (NaN) has no weight and stays NaN.

Every sum is a separable filter in float64, whose order of additions depends on the kernel only: a window with a
halo gives the same bits as the whole raster. (A running mean, such as scipy's `uniform_filter`, would not.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TRUNCATE = 4.0
RESIDUAL_SD = 2
ROUGHNESS_PX = 5


def gaussian_reach(sd: float) -> int:
    """Cells to each side that `gaussian_mean` looks at."""
    return int(TRUNCATE * sd + 0.5)


def gaussian_mean(dem: NDArray[np.floating], sd: float) -> NDArray[np.float64]:
    """Mean over a Gaussian of `sd` cells, of the cells that have data (normalised convolution)."""
    known = ~np.isnan(dem)
    weights = ndimage.gaussian_filter(known.astype(np.float64), sd, mode="constant", truncate=TRUNCATE)
    sums = ndimage.gaussian_filter(
        np.where(known, dem, 0.0).astype(np.float64), sd, mode="constant", truncate=TRUNCATE
    )
    mean = np.full(dem.shape, np.nan)
    np.divide(sums, weights, out=mean, where=known)
    return mean


def relief(dem: NDArray[np.floating], sd: float) -> NDArray[np.float64]:
    """Height above the surroundings in metres: elevation less its Gaussian mean."""
    return dem - gaussian_mean(dem, sd)


def roughness(dem: NDArray[np.floating]) -> NDArray[np.float64]:
    """Standard deviation of the residual relief (sd 2 cells) in 5 x 5 cells, in metres.

    Grohmann, Smith and Riccomini 2011, Multiscale analysis of topographic surface roughness in the Midland Valley,
    Scotland: of six measures the one that tells fine texture on slopes best; with a Gaussian for their box mean.
    """
    residual = relief(dem, RESIDUAL_SD)
    known = ~np.isnan(residual)
    filled = np.where(known, residual, 0.0)
    count, total, squares = _box(known.astype(np.float64)), _box(filled), _box(filled**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = squares / count - (total / count) ** 2
    return np.where(known, np.sqrt(np.maximum(variance, 0.0)), np.nan)


def _box(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ones = np.ones(ROUGHNESS_PX)
    rows = ndimage.correlate1d(values, ones, axis=0, mode="constant")
    box: NDArray[np.float64] = ndimage.correlate1d(rows, ones, axis=1, mode="constant")
    return box

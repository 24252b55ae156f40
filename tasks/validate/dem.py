"""What a DEM's cells say about its quality."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from tasks.validate.checks import METRES, SHARE, Check, Row

ZERO_RUN_PX = 8  # as many zeros side by side are a void filled with zeros, not a shore


def dem_row(parts: Iterable[NDArray[np.float32]], cell_m: float, steep_deg: float) -> Row:
    """Statistics of a DEM given in parts, each with one cell more on every side; NaN is nodata.

    Shares: valid of all cells; the others (zero runs, flat 3 x 3 neighbourhoods, slopes above `steep_deg`) of
    valid ones.
    """
    cells = valid = zeros = flat = steep = 0
    low, high = np.inf, -np.inf
    for part in parts:
        inner = part[1:-1, 1:-1]
        known = np.isfinite(inner)
        cells, valid = cells + inner.size, valid + int(known.sum())
        if not known.any():
            continue
        low, high = min(low, float(inner[known].min())), max(high, float(inner[known].max()))
        zeros += int(in_zero_runs(inner).sum())
        around = maximum_filter(part, 3) - minimum_filter(part, 3)
        flat += int((around[1:-1, 1:-1][known] == 0).sum())
        dy, dx = np.gradient(part.astype(np.float64), cell_m)
        gradient = np.hypot(dx, dy)[1:-1, 1:-1]
        steep += int((gradient[np.isfinite(gradient)] > np.tan(np.radians(steep_deg))).sum())
    some = max(valid, 1)
    return {
        "item": "dem",
        "valid_share": valid / max(cells, 1),
        "elevation_min": low if valid else None,
        "elevation_max": high if valid else None,
        "relief": high - low if valid else 0.0,
        "zero_run_share": zeros / some,
        "flat_share": flat / some,
        "steep_share": steep / some,
    }


def in_zero_runs(heights: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Cells in horizontal runs of at least ZERO_RUN_PX zeros (an opening of the zeros by a line)."""
    if heights.shape[1] < ZERO_RUN_PX:
        return np.zeros(heights.shape, bool)
    zero = np.asarray(heights == 0)
    zero = np.pad(zero, ((0, 0), (ZERO_RUN_PX, ZERO_RUN_PX)))
    run = np.lib.stride_tricks.sliding_window_view(zero, ZERO_RUN_PX, axis=1).all(axis=-1)
    opened = np.asarray(np.lib.stride_tricks.sliding_window_view(run, ZERO_RUN_PX, axis=1).any(axis=-1))
    return opened[:, 1 : 1 + heights.shape[1]]


def dem_checks(limits: dict[str, float], crs: str, cell_m: float) -> list[Check]:
    """What is expected of a DEM on the region's grid."""
    steep = f"Cells steeper than {limits['steep_deg']:g}°"
    return [
        Check("crs", "Coordinate reference system", "crs", among=[crs]),
        Check("metric", "The system counts in metres", "metric", among=[True]),
        Check("cell_size", "Cell size", "cell_m", cell_m, cell_m, unit=METRES),
        Check("valid_share", "Cells with an elevation", "valid_share", limits["valid_share_min"], unit=SHARE),
        Check("lowest", "Lowest cell", "elevation_min", limits["elevation_min_m"], unit=METRES),
        Check("highest", "Highest cell", "elevation_max", high=limits["elevation_max_m"], unit=METRES),
        Check("relief", "Highest less lowest", "relief", limits["relief_min_m"], unit=METRES),
        Check(
            "zero_runs",
            "Cells in rows of zeros",
            "zero_run_share",
            high=limits["zero_run_share_max"],
            unit=SHARE,
        ),
        Check(
            "flat",
            "Cells as high as all around them",
            "flat_share",
            high=limits["flat_share_max"],
            unit=SHARE,
        ),
        Check("steep", steep, "steep_share", high=limits["steep_share_max"], unit=SHARE),
    ]


def spatial(crs: Any, cell_m: float) -> Row:
    """What the file says of its own grid. `crs` is rasterio's."""
    metric = bool(crs and crs.is_projected and crs.linear_units_factor[1] == 1.0)
    return {"crs": crs.to_string() if crs else "none", "metric": metric, "cell_m": cell_m}

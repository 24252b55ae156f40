"""What a DEM's cells say about its quality."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from tasks.validate.checks import COUNT, METRES, SHARE, WARN, Check, Row

ZERO_RUN_PX = 8  # as many zeros side by side are a void filled with zeros, not a shore
STEPPED_RELIEF_M = 3.0  # less relief has few whole metres anyway
WHOLE_M = 0.001
STEP_M = 0.25  # steps at least as high, on average, are seen
COUNTED = ("cells", "valid", "infinite", "zeros", "flat", "steep", "stepped")
SHARES = {"zero_run": "zeros", "flat": "flat", "steep": "steep", "stepped": "stepped"}
SEAM_BESIDE_PX = 5
SEAM_HALO_PX = SEAM_BESIDE_PX + 2
SEAM_MIN_CELLS = 50
SEAM_FLOOR_M = 0.05  # on a plain any step is many times the next

Counts = dict[str, Any]


def block_counts(part: NDArray[np.float32], cell_m: float, steep_deg: float) -> Counts:
    """How many cells of a block are what; `part` has one cell more on every side, NaN is nodata."""
    inner = part[1:-1, 1:-1]
    known = np.isfinite(inner)
    heights = inner[known]
    counts: Counts = dict.fromkeys(COUNTED, 0) | {"low": np.inf, "high": -np.inf}
    counts |= {"cells": inner.size, "valid": heights.size, "infinite": int(np.isinf(inner).sum())}
    if not heights.size:
        return counts
    around = maximum_filter(part, 3) - minimum_filter(part, 3)
    dy, dx = np.gradient(part.astype(np.float64), cell_m)
    gradient = np.hypot(dx, dy)[1:-1, 1:-1]
    return counts | {
        "low": float(heights.min()),
        "high": float(heights.max()),
        "zeros": int(in_zero_runs(inner).sum()),
        "flat": int((around[1:-1, 1:-1][known] == 0).sum()),
        "steep": int((gradient[np.isfinite(gradient)] > np.tan(np.radians(steep_deg))).sum()),
        "stepped": heights.size if in_steps(heights) else 0,
    }


def in_steps(heights: NDArray[np.float32]) -> bool:
    """Whether elevations (a block's) come in steps: whole metres, or few values for the relief they span."""
    relief = float(heights.max() - heights.min())
    if relief < STEPPED_RELIEF_M:
        return False
    whole = np.abs(heights - np.round(heights)) < WHOLE_M
    values = len(np.unique(heights.round(3)))
    few = values <= min(relief / STEP_M + 1, heights.size / 4)
    return bool(whole.mean() > 0.5 or few)


def shares(counts: Counts) -> Row:
    """Shares of a block or of a DEM: valid of all cells, the others of valid ones."""
    some = max(counts["valid"], 1)
    return {
        "valid_share": counts["valid"] / max(counts["cells"], 1),
        **{f"{name}_share": counts[key] / some for name, key in SHARES.items()},
    }


def dem_row(blocks: Iterable[Counts]) -> Row:
    """Statistics of a DEM from those of its blocks."""
    blocks = list(blocks)
    total: Counts = {name: sum(block[name] for block in blocks) for name in COUNTED}
    low, high = min(block["low"] for block in blocks), max(block["high"] for block in blocks)
    some = total["valid"] > 0
    return {
        "item": "dem",
        "elevation_min": low if some else None,
        "elevation_max": high if some else None,
        "relief": high - low if some else 0.0,
        "infinite": total["infinite"],
        **shares(total),
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
    seams = "Step at the worst border between products, times the step beside it"
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
        Check("infinite", "Cells that are infinite", "infinite", high=0, unit=COUNT),
        Check(
            "stepped",
            "Cells in blocks whose elevations come in steps",
            "stepped_share",
            high=limits["stepped_share_max"],
            unit=SHARE,
            level=WARN,
        ),
        Check("seams", seams, "seam_ratio", high=limits["seam_ratio_max"], waivable=True),
        Check(
            "seams_warning",
            f"{seams}, early warning",
            "seam_ratio",
            high=limits["seam_ratio_warn"],
            level=WARN,
        ),
    ]


BLOCK_CHECKS = ("valid_share", "zero_runs", "flat", "steep", "stepped")
"""The checks that each block is held against too, to say where a DEM fails."""


def seam_steps(
    heights: NDArray[np.float32], sources: NDArray[Any]
) -> Iterator[tuple[tuple[int, int], NDArray[np.float64], NDArray[np.float64]]]:
    """Per pair of products: the terrain's second differences at their border and 5 cells beside it, absolute, in m.

    Both arrays have SEAM_HALO_PX cells more on every side, whose borders are left to the neighbouring window.
    A second difference (the step between two cells less the mean of those before and after) is zero on any plane.
    """
    k = SEAM_BESIDE_PX
    for surface, product in ((heights, sources), (heights.T, sources.T)):
        step = np.diff(surface.astype(np.float64), axis=1)
        bend = np.full(step.shape, np.nan)
        bend[:, 1:-1] = np.abs(step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2)
        one, other = product[:, :-1].astype(int), product[:, 1:].astype(int)
        border = (one != other) & (one > 0) & (other > 0)
        inner = np.zeros(border.shape, bool)
        inner[SEAM_HALO_PX:-SEAM_HALO_PX, SEAM_HALO_PX : 1 - SEAM_HALO_PX] = True
        rows, cols = np.nonzero(border & inner)
        pairs = np.sort(np.stack([one[rows, cols], other[rows, cols]], axis=1), axis=1)
        beside = (
            np.nanmean(np.stack([bend[rows, cols - k], bend[rows, cols + k]]), axis=0) if len(rows) else []
        )
        for pair in np.unique(pairs, axis=0):
            here = (pairs == pair).all(axis=1)
            yield (int(pair[0]), int(pair[1])), bend[rows, cols][here], np.asarray(beside)[here]


def seam_rows(
    found: Iterable[tuple[tuple[int, int], NDArray[np.float64], NDArray[np.float64]]],
) -> list[Row]:
    """One row a pair of products with a border long enough to judge, the worst first."""
    at: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    for pair, border, beside in found:
        at.setdefault(pair, []).append(np.stack([border, beside]))
    rows = []
    for pair, pieces in at.items():
        steps = np.concatenate(pieces, axis=1)
        steps = steps[:, np.isfinite(steps).all(axis=0)]
        if steps.shape[1] < SEAM_MIN_CELLS:
            continue
        border, beside = float(np.median(steps[0])), float(np.median(steps[1]))
        ratio = border / max(beside, SEAM_FLOOR_M)
        rows.append(
            {"pair": pair, "cells": steps.shape[1], "border": border, "beside": beside, "ratio": ratio}
        )
    return sorted(rows, key=lambda row: (-row["ratio"], row["pair"]))


def spatial(crs: Any, cell_m: float) -> Row:
    """What the file says of its own grid. `crs` is rasterio's."""
    metric = bool(crs and crs.is_projected and crs.linear_units_factor[1] == 1.0)
    return {"crs": crs.to_string() if crs else "none", "metric": metric, "cell_m": cell_m}

"""What the bands of a terrain stack say about its quality."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.validate.checks import SHARE, Check, Row

# What a band cannot leave, by the name before any scale (`relief_sd15` is relief).
RANGES = {
    "elevation": (-500.0, 9000.0),
    "slope": (0.0, 90.0),
    "northness": (-1.0, 1.0),
    "eastness": (-1.0, 1.0),
    "aspect": (-1.0, 360.0),  # -1: flat
    "relief": (-9000.0, 9000.0),
    "tpi": (-9000.0, 9000.0),
    "local": (0.0, 9000.0),
    "roughness": (0.0, 9000.0),
    "ruggedness": (0.0, 30000.0),
    "openness": (-90.0, 180.0),
}


def stack_rows(parts: Iterable[NDArray[np.float32]], bands: Sequence[str]) -> list[Row]:
    """One row a band of a stack given in parts (bands, rows, columns); NaN is nodata."""
    cells, known, strays = 0, np.zeros(len(bands)), np.zeros(len(bands))
    low, high = np.full(len(bands), np.inf), np.full(len(bands), -np.inf)
    ranges = [RANGES.get(band.split("_")[0], (-np.inf, np.inf)) for band in bands]
    for part in parts:
        cells += part[0].size
        for number, (values, (least, most)) in enumerate(zip(part, ranges, strict=True)):
            finite = values[np.isfinite(values)]
            known[number] += finite.size
            strays[number] += np.count_nonzero((finite < least) | (finite > most))
            if finite.size:
                low[number], high[number] = min(low[number], finite.min()), max(high[number], finite.max())
    return [
        {
            "item": band,
            "finite_share": float(known[n] / max(cells, 1)),
            "stray_share": float(strays[n] / max(known[n], 1)),
            # a class (`lithology=shale`) that a region does not have is 0 everywhere
            "varies": None if "=" in band else bool(high[n] > low[n]),
            "low": float(low[n]) if known[n] else None,
            "high": float(high[n]) if known[n] else None,
        }
        for n, band in enumerate(bands)
    ]


def stack_checks(limits: dict[str, float]) -> list[Check]:
    """What is expected of a stack."""
    return [
        Check("finite_share", "Cells with a value", "finite_share", limits["finite_share_min"], unit=SHARE),
        Check("range", "Values no such band can have", "stray_share", high=0.0, unit=SHARE),
        Check("varies", "The band varies", "varies", among=[True]),
    ]

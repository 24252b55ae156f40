"""How physical units become numbers of about one, with statistics of the training cells alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData

Curve = Literal["linear", "asinh", "log"]
LOG_FLOOR = 1e-3  # a flat cell has no roughness, and no logarithm


@dataclass(frozen=True)
class BandScaling:
    """`(curve(value) - offset) / scale`, clipped to [low, high]; an unknown cell counts as `centre`.

    `centre` is in the band's own units, `unit` is what asinh divides by: values well below it stay as they
    are, values well above it are compressed as by a logarithm.
    """

    band: str
    curve: Curve
    centre: float
    unit: float
    offset: float
    scale: float
    low: float
    high: float

    def properties(self) -> dict[str, Any]:
        """Plain values, as the model's manifest keeps them."""
        return asdict(self)


def curved(values: NDArray[np.float64], curve: Curve, unit: float) -> NDArray[np.float64]:
    """The values after their curve; heavy tails (curvature) and positive quantities (roughness) need one."""
    if curve == "asinh":
        return np.arcsinh(values / unit)
    if curve == "log":
        return np.log(np.maximum(values, LOG_FLOOR))
    return values


def _robust(band: str, values: NDArray[np.float64], curve: Curve, clip: float) -> BandScaling:
    """Median to 0, interquartile range to 1: one odd peak does not squeeze the rest as min-max lets it."""
    lower, centre, upper = np.quantile(values, [0.25, 0.5, 0.75])
    unit = float(upper - lower) or 1.0
    first, offset, third = np.quantile(curved(values, curve, unit), [0.25, 0.5, 0.75])
    return BandScaling(
        band, curve, float(centre), unit, float(offset), float(third - first) or 1.0, -clip, clip
    )


def _minmax(band: str, values: NDArray[np.float64]) -> BandScaling:
    """Lowest training value to 0, highest to 1; what lies beyond, in another region, is clipped."""
    low, high = float(values.min()), float(values.max())
    return BandScaling(band, "linear", float(np.median(values)), 1.0, low, (high - low) or 1.0, 0.0, 1.0)


def fit(
    cells: NDArray[np.float32], bands: tuple[str, ...], kind: str, curves: dict[str, Curve], clip: float
) -> tuple[BandScaling, ...]:
    """Scaling of each band from `cells` (N, C), the pooled training cells; NaN is left out.

    Raises BadData where a band has no training cell.
    """
    scalings = []
    for index, band in enumerate(bands):
        values = cells[:, index].astype(np.float64)
        values = values[np.isfinite(values)]
        if not values.size:
            raise BadData(f"band {band} has no value in any training cell; look at the stack's report")
        curve = curves.get(band, "linear")
        scalings.append(_minmax(band, values) if kind == "minmax" else _robust(band, values, curve, clip))
    return tuple(scalings)

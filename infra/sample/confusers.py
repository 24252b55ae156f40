"""What looks like a landslide and is none: rough patches (hummocks, no scarp) and hard benches (steps in rock)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from infra.sample.landslides import Mask
from infra.sample.noise import Field, rng_of, smooth_noise, strike_noise

_ROUGH, _BENCH = 20, 21


@dataclass(frozen=True)
class Confusers:
    """Terrain with confusers; one mask per kind."""

    elevation: Field
    rough_patch: Mask
    hard_bench: Mask


def add_confusers(elevation: Field, cell_m: float, seed: int, strike_deg: float = 318.0) -> Confusers:
    """Rough patches on about 3 % of the cells, benches in zones that cover about 8 %."""
    slope = _slope(ndimage.gaussian_filter(elevation, 5.0), cell_m)
    benched, hard_bench = _benches(elevation, slope, cell_m, seed, strike_deg)
    roughened, rough_patch = _rough(benched, slope, cell_m, seed)
    return Confusers(roughened, rough_patch, hard_bench)


def _benches(z: Field, slope: Field, cell_m: float, seed: int, strike_deg: float) -> tuple[Field, Mask]:
    """Dipping hard beds crop out as risers with flat treads: elevation above the bedding is drawn into steps."""
    rng = rng_of(seed, _BENCH)
    zone = strike_noise(z.shape, 110.0, 2.5, strike_deg, rng) + 0.4 * smooth_noise(z.shape, 25.0, rng)
    weight = _share(zone, slope > 0.16, 0.13)
    south, east = np.indices(z.shape, dtype=np.float32) * np.float32(cell_m)
    dip = np.radians(strike_deg + 90.0)
    bedding = 0.12 * (east * np.sin(dip) - south * np.cos(dip)) + 6.0 * smooth_noise(z.shape, 120.0, rng)
    level = z + bedding
    return z + (weight * np.interp(level, *_beds(level, rng))).astype(np.float32), weight > 0.5


def _beds(level: Field, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Table of levels and by how much a hard bed there moves the surface: riser steeper, treads flatter, never over."""
    table = np.arange(float(level.min()), float(level.max()) + 1.0, 0.5)
    shift = np.zeros_like(table)
    at = table[0] + rng.uniform(0, 40)
    while at < table[-1]:
        thick, strength = rng.uniform(4.0, 8.0), rng.uniform(0.5, 1.15)
        x = (table - at) / thick
        shift += strength * thick * x * np.exp(-0.5 * x * x)
        at += rng.uniform(28.0, 75.0)
    return table, shift


def _rough(z: Field, slope: Field, cell_m: float, seed: int) -> tuple[Field, Mask]:
    """Badland-like relief of a metre or two in patches of a few hectares."""
    rng = rng_of(seed, _ROUGH)
    place = smooth_noise(z.shape, 55.0, rng) + 0.25 * smooth_noise(z.shape, 10.0, rng)
    weight = _share(place, slope > 0.10, 0.035)
    relief = 1.5 * smooth_noise(z.shape, 65.0 / cell_m, rng) + 0.6 * smooth_noise(z.shape, 3.0, rng)
    return z + weight * relief, weight > 0.5


def _share(field: Field, where: Mask, share: float) -> Field:
    """Soft mask, 0 to 1, of the highest values of `field` among `where`, so many that they cover `share` of those."""
    level = np.quantile(field[where], 1.0 - share)
    inside = ndimage.binary_opening((field > level) & where, iterations=2)
    return np.clip(ndimage.gaussian_filter(inside.astype(np.float32), 1.5) * 1.6 - 0.3, 0.0, 1.0)


def _slope(z: Field, cell_m: float) -> Field:
    return np.hypot(*np.gradient(z, cell_m)).astype(np.float32)

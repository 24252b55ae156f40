"""One landslide: a spoon cut out of the slope, and the same volume laid down below as a hummocky lobe.

The failure surface is half an ellipsoid, as in the textbook rotational slide (Cruden and Varnes 1996); its head makes
the scarp. Age blurs the change of the surface, not the surface, so that no volume is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from infra.sample.noise import Field, rng_of, smooth_noise

Mask = NDArray[np.bool_]

SCARP_MIN_M = 0.8
"""Depth of cut from which a cell counts as scarp."""
DEPOSIT_MIN_M = 0.4
"""Thickness from which a cell counts as deposit."""


@dataclass(frozen=True)
class Slide:
    """A landslide's place and shape. Lengths in metres, `row` and `col` of the crown in cells."""

    number: int
    row: float
    col: float
    bearing: float
    """Direction of movement, radians clockwise from north."""
    length_m: float
    width_m: float
    bend: float
    """Sideways drift at the toe as a share of the length; positive to the right."""
    age: float
    """0 fresh to 1 old."""
    seed: int

    @property
    def reach_m(self) -> float:
        """Radius around the crown that holds everything the slide changes."""
        return 1.2 * self.length_m + 0.5 * self.width_m + 120.0


@dataclass(frozen=True)
class Imprint:
    """What a slide does to its window: change of elevation (sums to zero), and the exact truth."""

    window: tuple[slice, slice]
    change: Field
    scarp: Mask
    deposit: Mask


def imprint(slide: Slide, elevation: Field, cell_m: float) -> Imprint | None:
    """The slide's imprint on `elevation`, or None where its window leaves the grid or its parts vanish."""
    window = _window(slide, elevation.shape, cell_m)
    if window is None:
        return None
    down, across = _axes(slide, window, cell_m)
    rng = rng_of(slide.seed, 5, slide.number)
    rough = smooth_noise(down.shape, max(slide.width_m / cell_m * 0.45, 4.0), rng)
    relief = _relief(slide, elevation[window], cell_m)
    cut = _spoon(slide, down, across, rough)
    # What stood on the failure surface went too.
    cut = np.clip(cut + np.minimum(cut / 3.0, 1.0) * relief, 0.0, None)
    lobe = _lobe(slide, down, across, rough, _hummocks(slide, down.shape, cell_m, rng))
    deposit = _main_part(lobe * (cut.sum() / max(float(lobe.sum()), 1e-6)) > DEPOSIT_MIN_M)
    scarp = _main_part((cut > SCARP_MIN_M) & ~deposit)
    if scarp.sum() < 8 or deposit.sum() < 16:
        return None
    lobe = _laid_down(np.where(deposit, lobe, np.float32(0.0)), relief, float(cut.sum(dtype=np.float64)))
    return Imprint(window, _aged(lobe - cut, slide.age), scarp, deposit)


def _window(slide: Slide, shape: tuple[int, int], cell_m: float) -> tuple[slice, slice] | None:
    reach = int(np.ceil(slide.reach_m / cell_m))
    top, left = int(slide.row) - reach, int(slide.col) - reach
    if top < 0 or left < 0 or top + 2 * reach >= shape[0] or left + 2 * reach >= shape[1]:
        return None
    return slice(top, top + 2 * reach), slice(left, left + 2 * reach)


def _axes(slide: Slide, window: tuple[slice, slice], cell_m: float) -> tuple[Field, Field]:
    """Metres down the slide's bent axis from the crown, and metres to the right of it."""
    row, col = (np.arange(side.start, side.stop, dtype=np.float32) for side in window)
    south = (row[:, None] - np.float32(slide.row)) * cell_m
    east = (col[None, :] - np.float32(slide.col)) * cell_m
    sin, cos = np.float32(np.sin(slide.bearing)), np.float32(np.cos(slide.bearing))
    down = east * sin - south * cos
    across = east * cos + south * sin
    drift = np.float32(slide.bend / slide.length_m) * np.clip(down, 0, None) ** 2
    return down, across - drift


def _spoon(slide: Slide, down: Field, across: Field, rough: Field) -> Field:
    """Depth of the cut, metres: half an ellipsoid, steep at the crown and shallow at its toe."""
    length = 0.5 * slide.length_m
    deepest = 0.36 * length
    axis = np.where(down < deepest, deepest, length - deepest)
    inside = 1.0 - ((down - deepest) / axis) ** 2 - (across / (0.42 * slide.width_m)) ** 2 - 0.10 * rough
    inside = np.where((down > -0.2 * length) & (down < 1.3 * length), inside, -1.0)
    return np.float32(_depth_m(slide)) * np.sqrt(np.clip(inside, 0.0, 1.0)).astype(np.float32)


def _depth_m(slide: Slide) -> float:
    return float(0.085 * slide.width_m**0.95)


def _lobe(slide: Slide, down: Field, across: Field, rough: Field, hummocks: Field) -> Field:
    """Relative thickness of the deposit: a lobe that widens and thickens towards a steep, uneven front."""
    start, end = 0.18 * slide.length_m, slide.length_m
    along = np.clip((down - start) / (end - start), 0.0, 1.0)
    half_width = slide.width_m * (0.36 + 0.17 * np.sin(np.pi * np.clip(along, 0, 0.8) / 1.6))
    middle = 0.5 * (start + end)
    outline = np.abs((down - middle) / (0.5 * (end - start))) ** 2.6 + np.abs(across / half_width) ** 2.2
    inside = np.clip(1.0 - outline - 0.16 * rough, 0.0, None)
    front = np.minimum(inside / 0.45, 1.0) ** 0.6
    thin_behind = 0.15 + 0.85 * np.minimum(along / 0.4, 1.0)
    thick = front * thin_behind * (0.85 + 0.4 * along)
    return (thick * np.clip(1.0 + hummocks, 0.15, None)).astype(np.float32)


def _relief(slide: Slide, elevation: Field, cell_m: float) -> Field:
    """What stands above (or lies below) the terrain smoothed at a scale the slide can wipe out."""
    return elevation - ndimage.gaussian_filter(elevation, np.clip(0.12 * slide.width_m / cell_m, 1.5, 5.0))


def _laid_down(lobe: Field, relief: Field, volume: float) -> Field:
    """Thickness in metres, so scaled that it sums to `volume`; hollows get more of it and knobs less."""
    thick = lobe * np.float32(volume / lobe.sum(dtype=np.float64))
    buried = np.clip(0.6 * relief * np.minimum(thick / 2.0, 1.0), -0.7 * thick, 0.7 * thick)
    laid = thick - buried
    return laid * np.float32(volume / laid.sum(dtype=np.float64))


def _hummocks(slide: Slide, shape: tuple[int, int], cell_m: float, rng: np.random.Generator) -> Field:
    """Hummocks 40 to 90 m apart, stronger on thick deposits."""
    spacing = np.clip(0.28 * slide.width_m, 40.0, 110.0) / cell_m
    share = min(0.42, 2.0 / (0.3 * _depth_m(slide)))  # hummocks are metres high, on a thick deposit too
    coarse, fine = smooth_noise(shape, spacing, rng), smooth_noise(shape, 3.0, rng)
    return np.float32(share) * (coarse + np.float32(0.35) * fine)


def _aged(change: Field, age: float) -> Field:
    """Blur by up to 2.3 cells and fade by up to a third; the sum stays zero."""
    blurred = ndimage.gaussian_filter(change, 0.5 + 1.8 * age, mode="constant", truncate=3.0)
    blurred *= np.float32(1.0 - 0.35 * age)
    return blurred


def _main_part(mask: Mask) -> Mask:
    """The largest connected part, its holes filled."""
    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return np.asarray(ndimage.binary_fill_holes(parts == largest), dtype=bool)

"""Where landslides happen: on slopes steep and long enough, below the crest, facing down, apart from each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from infra.sample.landslides import Mask, Slide, imprint
from infra.sample.noise import Field, rng_of

_SIZES, _SITES = 10, 11
_PROFILE = np.linspace(0.0, 1.0, 9)


@dataclass(frozen=True)
class Sizes:
    """Lognormal sizes of whole slides (Malamud et al. 2004 for the shape of the tail), cut at both ends."""

    median_ha: float = 6.8
    spread: float = 0.75
    least_ha: float = 1.2
    most_ha: float = 60.0


@dataclass(frozen=True)
class Landslides:
    """A terrain with its slides. `scarp` and `deposit` hold the slide's number per cell, 0 for none."""

    elevation: Field
    scarp: np.ndarray
    deposit: np.ndarray
    slides: tuple[Slide, ...]


def imprint_landslides(
    elevation: Field,
    cell_m: float,
    count: int,
    seed: int,
    *,
    taken: Mask,
    border: Mask,
    sizes: Sizes = Sizes(),
) -> Landslides:
    """Imprint up to `count` slides, none on `taken` cells and none across `border` (edge of the mapped extent)."""
    z = elevation.copy()
    scarp = np.zeros(z.shape, dtype=np.uint32)
    deposit = np.zeros(z.shape, dtype=np.uint32)
    taken = taken | border
    sites = _Sites(elevation, cell_m, rng_of(seed, _SITES))
    slides: list[Slide] = []
    for length, width, age in _shapes(count, sizes, rng_of(seed, _SIZES)):
        number = len(slides) + 1
        for row, col, bearing, bend in sites.candidates(length, width, taken):
            slide = Slide(number, row, col, bearing, length, width, bend, age, seed)
            print_ = imprint(slide, z, cell_m)
            if print_ is None:
                continue
            whole = print_.scarp | print_.deposit
            if taken[print_.window][whole].any():
                continue
            z[print_.window] += print_.change
            scarp[print_.window][print_.scarp] = number
            deposit[print_.window][print_.deposit] = number
            taken[print_.window] |= ndimage.binary_dilation(whole, iterations=2)
            slides.append(slide)
            break
    return Landslides(z, scarp, deposit, tuple(slides))


def _shapes(count: int, sizes: Sizes, rng: np.random.Generator) -> Iterator[tuple[float, float, float]]:
    """Length, width (metres) and age of each slide, the large ones first while there is room."""
    area = (
        np.exp(rng.normal(np.log(sizes.median_ha), sizes.spread, count)).clip(sizes.least_ha, sizes.most_ha)
        * 1e4
    )
    ratio = np.exp(rng.normal(np.log(2.2), 0.3, count)).clip(1.2, 4.0)
    age = rng.beta(1.2, 2.0, count)
    width = np.sqrt(area / (0.78 * ratio))
    for i in np.argsort(-area):
        yield float(ratio[i] * width[i]), float(width[i]), float(age[i])


class _Sites:
    """Crown sites on hillslopes, drawn at random and checked along the path a slide of a given length would take."""

    def __init__(self, elevation: Field, cell_m: float, rng: np.random.Generator) -> None:
        self.cell_m = cell_m
        self.rng = rng
        self.smooth = ndimage.gaussian_filter(elevation, 4.0)
        broad = ndimage.gaussian_filter(elevation, 9.0)
        d_row, d_col = np.gradient(broad, cell_m)
        self.slope = np.hypot(d_row, d_col)
        self.bearing = np.arctan2(-d_col, d_row)  # downhill is minus the gradient; rows run south

    def candidates(
        self, length_m: float, width_m: float, taken: Mask
    ) -> Iterator[tuple[float, float, float, float]]:
        """Likely sites: row, col, bearing, bend."""
        draws, most = 3000, 60
        rows, cols = self.smooth.shape
        row, col = self.rng.uniform(0, rows - 1, draws), self.rng.uniform(0, cols - 1, draws)
        bearing = self.bearing[row.astype(int), col.astype(int)] + self.rng.normal(0, 0.08, draws)
        bend = self._bend(row, col, bearing, length_m)
        path = self._path(row, col, bearing, bend, length_m)
        z = ndimage.map_coordinates(self.smooth, path, order=1, mode="nearest")
        fall = -np.diff(z, axis=1) / (length_m / (len(_PROFILE) - 1))
        steep = (z[:, 0] - z[:, 5]) / (0.6 * length_m)
        wanted = np.clip((steep - 0.16) / 0.25, 0, 1) ** 0.7  # steeper slopes fail more often
        ok = (fall[:, :-1].min(axis=1) > 0.02) & (fall[:, -1] > -0.06) & (self.rng.random(draws) < wanted)
        ok &= ~self._met(path, 0.4 * width_m, bearing, taken)
        for i in np.flatnonzero(ok)[:most]:
            yield float(row[i]), float(col[i]), float(bearing[i]), float(bend[i])

    def _bend(self, row: Field, col: Field, bearing: Field, length_m: float) -> Field:
        half = 0.6 * length_m / self.cell_m
        r = np.clip(row - half * np.cos(bearing), 0, self.slope.shape[0] - 1).astype(int)
        c = np.clip(col + half * np.sin(bearing), 0, self.slope.shape[1] - 1).astype(int)
        turn = (self.bearing[r, c] - bearing + np.pi) % (2 * np.pi) - np.pi
        return np.clip(0.8 * np.tan(np.clip(turn, -1.0, 1.0)), -0.35, 0.35)

    def _path(
        self, row: Field, col: Field, bearing: Field, bend: Field, length_m: float
    ) -> tuple[Field, Field]:
        along = _PROFILE[None, :] * length_m / self.cell_m
        right = bend[:, None] * _PROFILE[None, :] * along
        sin, cos = np.sin(bearing)[:, None], np.cos(bearing)[:, None]
        return row[:, None] - along * cos + right * sin, col[:, None] + along * sin + right * cos

    def _met(self, path: tuple[Field, Field], beside_m: float, bearing: Field, taken: Mask) -> Mask:
        """Whether the path, or a line beside it, meets a taken cell: spares most of the work on sites that fail."""
        met = np.zeros(bearing.shape, dtype=bool)
        for side in (-beside_m / self.cell_m, 0.0, beside_m / self.cell_m):
            row = np.clip(path[0] + side * np.sin(bearing)[:, None], 0, taken.shape[0] - 1).astype(int)
            col = np.clip(path[1] + side * np.cos(bearing)[:, None], 0, taken.shape[1] - 1).astype(int)
            met |= taken[row, col].any(axis=1)
        return met

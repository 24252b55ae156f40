"""Every band the stack can hold: name, units, reach and function, in one place.

A name may end in a scale: `relief_sd15` is the family `relief_sd`, a Gaussian of 15 cells' standard deviation,
`tpi_px5` the family `tpi_px`, within 5 cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tasks.contract.errors import InvalidParams
from tasks.derive_terrain.openness import openness, openness_difference
from tasks.derive_terrain.relief import (
    RESIDUAL_SD,
    ROUGHNESS_PX,
    gaussian_mean,
    gaussian_reach,
    local_relief,
    roughness,
    ruggedness,
    topographic_position,
)
from tasks.derive_terrain.surface import (
    aspect_deg,
    curvature,
    eastness,
    northness,
    planform_curvature,
    profile_curvature,
    slope_deg,
)

Dem = NDArray[np.floating]
MASKED_AROUND_NODATA = 1
SCALED = ("_sd", "_px")


class Ground:
    """A window of a DEM (NaN is nodata), and what several of its bands are made from, computed once."""

    def __init__(self, dem: Dem, cell_m: float) -> None:
        self.dem, self.cell_m = dem, cell_m
        self._made: dict[tuple[Any, ...], Any] = {}

    def once(self, function: Callable[..., Any], *more: float) -> Any:
        """`function(dem, *more)`, whoever asks first."""
        key = (function, *more)
        if key not in self._made:
            self._made[key] = function(self.dem, *more)
        return self._made[key]

    def residual(self, sd: int) -> NDArray[np.float64]:
        """Elevation less its Gaussian mean, in metres."""
        return np.asarray(self.dem - self.once(gaussian_mean, sd))


@dataclass(frozen=True)
class Family:
    """Bands that differ in scale `n` only (0 for those without one); reach in cells to each side."""

    units: str
    description: str
    reach: Callable[[int], int]
    of: Callable[[Ground, int], NDArray[np.floating]]


FAMILIES = {
    "elevation": Family(
        "m", "elevation", lambda n: 0,
        lambda at, n: at.dem,
    ),
    "slope": Family(
        "degree", "slope (Horn 1981)", lambda n: 1,
        lambda at, n: slope_deg(at.dem, at.cell_m),
    ),
    "aspect": Family(
        "degree", "direction of steepest descent, clockwise from north (Horn 1981); -1 on flat ground", lambda n: 1,
        lambda at, n: at.once(aspect_deg, at.cell_m),
    ),
    "northness": Family(
        "1", "cosine of the aspect (Horn 1981), 0 on flat ground", lambda n: 1,
        lambda at, n: northness(at.once(aspect_deg, at.cell_m)),
    ),
    "eastness": Family(
        "1", "sine of the aspect (Horn 1981), 0 on flat ground", lambda n: 1,
        lambda at, n: eastness(at.once(aspect_deg, at.cell_m)),
    ),
    "curvature": Family(
        "1/100 m", "total curvature (Zevenbergen and Thorne 1987), convex positive", lambda n: 1,
        lambda at, n: curvature(at.dem, at.cell_m),
    ),
    "curvature_sd": Family(
        "1/100 m", "total curvature of the DEM smoothed at sd {n} cells, convex positive",
        lambda n: gaussian_reach(n) + 1,
        lambda at, n: curvature(at.once(gaussian_mean, n), at.cell_m),
    ),
    "profile_curvature": Family(
        "1/100 m", "curvature down the slope (Zevenbergen and Thorne 1987), concave positive", lambda n: 1,
        lambda at, n: profile_curvature(at.dem, at.cell_m),
    ),
    "planform_curvature": Family(
        "1/100 m", "curvature across the slope (Zevenbergen and Thorne 1987), spurs positive", lambda n: 1,
        lambda at, n: planform_curvature(at.dem, at.cell_m),
    ),
    "relief_sd": Family(
        "m", "elevation less its Gaussian mean, sd {n} cells", gaussian_reach,
        lambda at, n: at.residual(n),
    ),
    "local_relief_px": Family(
        "m", "highest less lowest elevation within {n} cells", lambda n: n,
        lambda at, n: local_relief(at.dem, n),
    ),
    "tpi_px": Family(
        "m", "topographic position: elevation less the mean of the other cells within {n} cells (Weiss 2001)",
        lambda n: n,
        lambda at, n: topographic_position(at.dem, n),
    ),
    "roughness": Family(
        "m", "standard deviation of residual relief in 5 x 5 cells (Grohmann et al. 2011)",
        lambda n: gaussian_reach(RESIDUAL_SD) + ROUGHNESS_PX // 2,
        lambda at, n: roughness(at.residual(RESIDUAL_SD)),
    ),
    "ruggedness": Family(
        "m", "terrain ruggedness index (Riley et al. 1999)", lambda n: 1,
        lambda at, n: ruggedness(at.dem),
    ),
    "openness_positive_px": Family(
        "degree", "mean zenith angle of the horizon within {n} cells (Yokoyama et al. 2002)", lambda n: n,
        lambda at, n: at.once(openness, at.cell_m, n)[0],
    ),
    "openness_negative_px": Family(
        "degree", "mean nadir angle of the ground within {n} cells (Yokoyama et al. 2002)", lambda n: n,
        lambda at, n: at.once(openness, at.cell_m, n)[1],
    ),
    "openness_difference_px": Family(
        "degree", "half of positive less negative openness within {n} cells, ridges positive (Chiba et al. 2008)",
        lambda n: n,
        lambda at, n: openness_difference(at.once(openness, at.cell_m, n)),
    ),
}  # fmt: skip


def known_names() -> str:
    """The names a band may have, for a message: `relief_sdN` where a scale belongs to it."""
    return ", ".join(family + "N" * family.endswith(SCALED) for family in FAMILIES)


@dataclass(frozen=True)
class Band:
    """One band of a stack; `scale` in cells, 0 for those without one."""

    name: str
    family: Family
    scale: int

    @classmethod
    def named(cls, name: str) -> Band:
        """The band of that name; `InvalidParams` when there is none."""
        stem, scale = re.fullmatch(r"(.*?)([1-9]\d*)?", name).groups()  # type: ignore[union-attr]
        if stem not in FAMILIES or stem.endswith(SCALED) != bool(scale):
            raise InvalidParams(f"there is no band {name!r}; bands.toml may name {known_names()} (N cells)")
        return cls(name, FAMILIES[stem], int(scale or 0))

    @property
    def reach(self) -> int:
        """Cells to each side that a cell of the band depends on."""
        return self.family.reach(self.scale)

    @property
    def units(self) -> str:
        """Its units."""
        return self.family.units

    @property
    def description(self) -> str:
        """What the band is, for the raster's own metadata."""
        return self.family.description.format(n=self.scale)

    def of(self, ground: Ground) -> NDArray[np.float32]:
        """The band of a window, cell for cell."""
        return self.family.of(ground, self.scale).astype(np.float32)


def halo(bands: Sequence[Band]) -> int:
    """Cells a window needs around it for the bands to be what they are on the whole raster."""
    return max([MASKED_AROUND_NODATA, *(band.reach for band in bands)])


def beside_nodata(dem: Dem) -> NDArray[np.bool_]:
    """Nodata and the cells around it, which are nodata in every band: derivatives are biased there."""
    beside = ndimage.binary_dilation(np.isnan(dem), np.ones((3, 3)), iterations=MASKED_AROUND_NODATA)
    return np.asarray(beside, bool)


def derive(dem: Dem, bands: Sequence[Band], cell_m: float) -> NDArray[np.float32]:
    """(bands, height, width) of a DEM (NaN is nodata); right but for `halo(bands)` cells along the edge."""
    ground = Ground(dem, cell_m)
    stack = np.empty((len(bands), *dem.shape), np.float32)
    for values, band in zip(stack, bands, strict=True):
        values[...] = band.of(ground)
    stack[:, beside_nodata(dem)] = np.nan
    return stack

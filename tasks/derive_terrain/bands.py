"""Every band the stack can hold: name, units, reach and function, in one place.

A name may end in a scale: `relief_sd15` is the family `relief_sd` at 15 cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tasks.contract.errors import InvalidParams
from tasks.derive_terrain.relief import (
    RESIDUAL_SD,
    ROUGHNESS_PX,
    gaussian_mean,
    gaussian_reach,
    relief,
    roughness,
)
from tasks.derive_terrain.surface import curvature, slope_deg

Dem = NDArray[np.floating]
MASKED_AROUND_NODATA = 1


@dataclass(frozen=True)
class Family:
    """Bands that differ in scale `sd` only (0 for those without one); reach in cells to each side."""

    units: str
    description: str
    reach: Callable[[int], int]
    of: Callable[[Dem, float, int], NDArray[np.floating]]


FAMILIES = {
    "elevation": Family(
        "m", "elevation", lambda sd: 0,
        lambda dem, cell_m, sd: dem,
    ),
    "slope": Family(
        "degree", "slope (Horn 1981)", lambda sd: 1,
        lambda dem, cell_m, sd: slope_deg(dem, cell_m),
    ),
    "curvature": Family(
        "1/100 m", "total curvature (Zevenbergen and Thorne 1987), convex positive", lambda sd: 1,
        lambda dem, cell_m, sd: curvature(dem, cell_m),
    ),
    "curvature_sd": Family(
        "1/100 m", "total curvature of the DEM smoothed at sd {sd} cells, convex positive",
        lambda sd: gaussian_reach(sd) + 1,
        lambda dem, cell_m, sd: curvature(gaussian_mean(dem, sd), cell_m),
    ),
    "relief_sd": Family(
        "m", "elevation less its Gaussian mean, sd {sd} cells", gaussian_reach,
        lambda dem, cell_m, sd: relief(dem, sd),
    ),
    "roughness": Family(
        "m", "standard deviation of residual relief in 5 x 5 cells (Grohmann et al. 2011)",
        lambda sd: gaussian_reach(RESIDUAL_SD) + ROUGHNESS_PX // 2,
        lambda dem, cell_m, sd: roughness(dem),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Band:
    """One band of a stack."""

    name: str
    family: Family
    sd: int

    @classmethod
    def named(cls, name: str) -> Band:
        """The band of that name; `InvalidParams` when there is none."""
        stem, sd = re.fullmatch(r"(.*?)([1-9]\d*)?", name).groups()  # type: ignore[union-attr]
        if stem not in FAMILIES or stem.endswith("_sd") != bool(sd):
            known = ", ".join(f + "N" * f.endswith("_sd") for f in FAMILIES)
            raise InvalidParams(f"there is no band {name!r}; bands.toml may name {known} (N cells)")
        return cls(name, FAMILIES[stem], int(sd or 0))

    @property
    def reach(self) -> int:
        """Cells to each side that a cell of the band depends on."""
        return self.family.reach(self.sd)

    @property
    def units(self) -> str:
        """Its units."""
        return self.family.units

    @property
    def description(self) -> str:
        """What the band is, for the raster's own metadata."""
        return self.family.description.format(sd=self.sd)

    def of(self, dem: Dem, cell_m: float) -> NDArray[np.float32]:
        """The band of a DEM, cell for cell."""
        return self.family.of(dem, cell_m, self.sd).astype(np.float32)


def halo(bands: Sequence[Band]) -> int:
    """Cells a window needs around it for the bands to be what they are on the whole raster."""
    return max([MASKED_AROUND_NODATA, *(band.reach for band in bands)])


def beside_nodata(dem: Dem) -> NDArray[np.bool_]:
    """Nodata and the cells around it, which are nodata in every band: derivatives are biased there."""
    beside = ndimage.binary_dilation(np.isnan(dem), np.ones((3, 3)), iterations=MASKED_AROUND_NODATA)
    return np.asarray(beside, bool)


def derive(dem: Dem, bands: Sequence[Band], cell_m: float) -> NDArray[np.float32]:
    """(bands, height, width) of a DEM (NaN is nodata); right but for `halo(bands)` cells along the edge."""
    stack = np.stack([band.of(dem, cell_m) for band in bands])
    stack[:, beside_nodata(dem)] = np.nan
    return stack

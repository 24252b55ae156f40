"""The quadrangles that are made: where they lie, how large they are, how many landslides they hold."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine, features
from shapely import Polygon, box, segmentize

from infra.sample.placement import Sizes

TILE_M = 640.0
"""Bounds lie on the grid of 64-cell tiles of 10 m."""
MARGIN_CELLS = 256
"""Cells made beyond the bounds, so that windows at the edge see terrain."""
PRODUCT_MARGIN_M = 1600.0
"""How far beyond the bounds the elevation products reach."""


@dataclass(frozen=True)
class Place:
    """A quadrangle. Bounds are left, bottom, right, top in metres of `crs`; slides are counted over the margin too."""

    name: str
    title: str
    bounds: tuple[float, float, float, float]
    slides: int
    sizes: Sizes = field(default_factory=Sizes)
    crs: str = "EPSG:32610"
    cell_m: float = 10.0

    def __post_init__(self) -> None:
        if any(edge % TILE_M for edge in self.bounds):
            raise ValueError(f"bounds must lie on the {TILE_M:.0f} m tile grid, got {self.bounds}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the region, margin left out."""
        left, bottom, right, top = self.bounds
        return round((top - bottom) / self.cell_m), round((right - left) / self.cell_m)

    @property
    def made_shape(self) -> tuple[int, int]:
        """Rows and columns with the margin."""
        return self.shape[0] + 2 * MARGIN_CELLS, self.shape[1] + 2 * MARGIN_CELLS

    @property
    def made_transform(self) -> Affine:
        """Cells to metres, margin included."""
        margin = MARGIN_CELLS * self.cell_m
        return Affine(self.cell_m, 0.0, self.bounds[0] - margin, 0.0, -self.cell_m, self.bounds[3] + margin)

    @property
    def inner(self) -> tuple[slice, slice]:
        """The region within the made array."""
        return slice(MARGIN_CELLS, -MARGIN_CELLS), slice(MARGIN_CELLS, -MARGIN_CELLS)

    def extent(self) -> Polygon:
        """What was mapped: one tile beyond the bounds, but not a piece of the north-eastern corner."""
        left, bottom, right, top = self.bounds
        unmapped = Polygon(
            [
                (right - 0.22 * (right - left), top + TILE_M),
                (right + TILE_M, top + TILE_M),
                (right + TILE_M, top - 0.20 * (top - bottom)),
                (right - 0.09 * (right - left), top - 0.14 * (top - bottom)),
            ]
        )
        mapped = box(left - TILE_M, bottom - TILE_M, right + TILE_M, top + TILE_M).difference(unmapped)
        return segmentize(mapped, TILE_M)  # a straight line here is none in degrees

    def mapped(self) -> NDArray[np.bool_]:
        """Made cells whose centre lies in the extent."""
        shape, transform = self.made_shape, self.made_transform
        return features.rasterize(
            [self.extent()], out_shape=shape, transform=transform, dtype="uint8"
        ).astype(bool)

    def toml(self) -> str:
        """The lines a region file needs to be this place."""
        bounds = ", ".join(f"{edge:.1f}" for edge in self.bounds)
        return f'crs = "{self.crs}"\nbounds = [{bounds}]\ncell_m = {self.cell_m}\n'


QUADRANGLE = Place(
    name="sample",
    title="Sample quadrangle (synthetic)",
    bounds=(563200.0, 4190080.0, 577280.0, 4208000.0),
    slides=560,
)
SMALL = Place(
    name="sample-small",
    title="Small sample (synthetic)",
    bounds=(566400.0, 4203520.0, 571520.0, 4208640.0),
    slides=250,
    sizes=Sizes(median_ha=3.2, spread=0.6, least_ha=1.0, most_ha=12.0),
)

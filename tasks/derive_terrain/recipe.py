"""Derive the bands by windows; each window sees far enough around it to equal the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.derive_terrain.bands import Band, derive, halo
from tasks.science.windows import windows
from tasks.store.raster import Part, read_window, write_cog

WINDOW_PX = 1024
INHERITED = ("region", "synthetic", "license", "attribution")


def run(job: Any) -> dict[str, Any]:
    """Write stack.tif on the region's grid, the DEM's margin cropped."""
    dem = job.one("dem")
    bands = [Band.named(name) for name in job.params.bands]
    margin = dem.properties["margin_px"]
    if margin < halo(bands):
        raise BadData(
            f"{', '.join(job.params.bands)} need {halo(bands)} cells around the region, the DEM of "
            f"{dem.properties['region']} has margin_px = {margin}; raise it in the region's file"
        )
    grid = Grid.of(dem.properties).padded(-margin)
    raster = write_cog(
        job.out / "stack.tif",
        grid,
        derived(dem.file("dem.tif"), grid, margin, bands),
        bands=job.params.bands,
        units=[band.family.units for band in bands],
        tags={f"BAND_{band.name}": band.description for band in bands},
    )
    inherited = {name: dem.properties[name] for name in INHERITED if name in dem.properties}
    return {**inherited, **raster, "units": {band.name: band.family.units for band in bands}}


def derived(
    dem: Path, grid: Grid, margin: int, bands: Sequence[Band], size: int = WINDOW_PX
) -> Iterator[Part]:
    """The stack in windows of `size`; `dem` reaches `margin` cells beyond `grid`."""
    around = halo(bands)
    for window in windows(grid.height, grid.width, size):
        outer = window.shifted(margin, margin).grown(around)
        heights = read_window(dem, outer.row, outer.col, outer.height, outer.width)[0]
        stack = derive(heights, bands, grid.cell_m)
        yield Part(window.row, window.col, stack[:, around:-around, around:-around])

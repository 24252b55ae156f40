"""Derive the bands by windows; each window sees far enough around it to equal the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.contract.errors import BadData, GridMismatch
from tasks.contract.grid import Grid
from tasks.derive_terrain.bands import Band, beside_nodata, derive, halo
from tasks.derive_terrain.layers import AnyBand, LayerBand, band_named, layer_bands
from tasks.job import Artifact, Job
from tasks.science.windows import windows
from tasks.store.raster import Part, read_window, write_cog

WINDOW_PX = 1024
INHERITED = ("region", "synthetic", "license", "attribution", "terrain_dates")
CREDITED = ("title", "attribution", "license", "source")


def run(job: Job) -> dict[str, Any]:
    """Write stack.tif on the region's grid, the DEM's margin cropped."""
    dem, layers = job.one("dem"), job.maybe("layers")
    about = layers.properties["layers"] if layers else {}
    given = layer_bands(about)
    bands = [band_named(name, given) for name in job.params.bands]
    margin = dem.properties["margin_px"]
    if margin < halo(terrain_of(bands)):
        raise BadData(
            f"{', '.join(job.params.bands)} need {halo(terrain_of(bands))} cells around the region, the DEM of "
            f"{dem.properties['region']} has margin_px = {margin}; raise it in the region's file"
        )
    grid = Grid.of(dem.properties).padded(-margin)
    used = sorted({band.layer for band in bands if isinstance(band, LayerBand)})
    offset = layers_margin(layers, grid) if layers and used else 0
    paths = {name: layers.file(f"{name}.tif") for name in used} if layers else {}
    raster = write_cog(
        job.out / "stack.tif",
        grid,
        derived(dem.file("dem.tif"), grid, margin, bands, layers=paths, layers_margin=offset),
        bands=job.params.bands,
        units=[band.units for band in bands],
        # GDAL ends a tag's name at its first equals sign.
        tags={f"BAND_{band.name.replace('=', '.')}": band.description for band in bands},
    )
    inherited = {name: dem.properties[name] for name in INHERITED if name in dem.properties}
    found = {**inherited, **raster, "units": {band.name: band.units for band in bands}}
    if used and layers:
        found["synthetic"] = bool(found.get("synthetic") or layers.properties.get("synthetic"))
        found["layers"] = {
            name: {key: about[name][key] for key in CREDITED if key in about[name]} for name in used
        }
    return found


def terrain_of(bands: Sequence[AnyBand]) -> list[Band]:
    """Those that the DEM gives."""
    return [band for band in bands if isinstance(band, Band)]


def layers_margin(layers: Artifact, grid: Grid) -> int:
    """How many cells the layers reach beyond `grid`, on which they have to be."""
    margin = int(layers.properties["margin_px"])
    found = Grid.of(layers.properties).padded(-margin)
    if found != grid:
        raise GridMismatch(
            f"the layers are on {found}, the DEM on {grid}; run ingest_layers for the region again"
        )
    return margin


def derived(
    dem: Path,
    grid: Grid,
    margin: int,
    bands: Sequence[AnyBand],
    size: int = WINDOW_PX,
    *,
    layers: Mapping[str, Path] | None = None,
    layers_margin: int = 0,
) -> Iterator[Part]:
    """The stack in windows of `size`; `dem` and `layers` (by name) reach their margins beyond `grid`."""
    terrain = terrain_of(bands)
    around = halo(terrain)
    for window in windows(grid.height, grid.width, size):
        outer = window.shifted(margin, margin).grown(around)
        heights = read_window(dem, outer.row, outer.col, outer.height, outer.width)[0]
        inner = (slice(around, -around), slice(around, -around))
        made = {}
        if terrain:
            stack = derive(heights, terrain, grid.cell_m)[:, *inner]
            made = dict(zip((band.name for band in terrain), stack, strict=True))
        if layers:
            unknown = beside_nodata(heights)[inner]
            at = window.shifted(layers_margin, layers_margin)
            values = {
                name: read_window(path, at.row, at.col, at.height, at.width)[0]
                for name, path in layers.items()
            }
            for band in bands:
                if isinstance(band, LayerBand):
                    made[band.name] = np.where(unknown, np.float32(np.nan), band.of(values[band.layer]))
        yield Part(window.row, window.col, np.stack([made[band.name] for band in bands]))

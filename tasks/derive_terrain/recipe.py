"""Derive the bands by windows; each window sees far enough around it to equal the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.contract.threads import in_order, threads
from tasks.derive_terrain.bands import Band, beside_nodata, derive, halo
from tasks.derive_terrain.layers import AnyBand, LayerBand, band_named, layer_bands
from tasks.job import Job
from tasks.science.layers import layers_margin
from tasks.science.windows import Window, windows
from tasks.store.raster import WORKERS, Part, open_geotiff, read_from, write_cog

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
    offset = layers_margin(layers.properties, grid) if layers and used else 0
    paths = {name: layers.file(f"{name}.tif") for name in used} if layers else {}
    raster = write_cog(
        job.out / "stack.tif",
        grid,
        derived(dem.file("dem.tif"), grid, margin, bands, layers=paths, layers_margin=offset),
        bands=job.params.bands,
        units=[band.units for band in bands],
        about=[band.description for band in bands],
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
    """The stack in windows of `size`; `dem` and `layers` (by name) reach their margins beyond `grid`.

    One thread reads, so that each block is decoded once, while others derive.
    """
    around = halo(terrain_of(bands))

    def read() -> Iterator[Piece]:
        for window in windows(grid.height, grid.width, size):
            outer = window.shifted(margin, margin).grown(around)
            at = window.shifted(layers_margin, layers_margin)
            yield Piece(
                window,
                read_from(ground, outer.row, outer.col, outer.height, outer.width)[0],
                {
                    name: read_from(layer, at.row, at.col, at.height, at.width)[0]
                    for name, layer in beside.items()
                },
            )

    with ExitStack() as stack:
        ground = stack.enter_context(open_geotiff(dem))
        beside = {name: stack.enter_context(open_geotiff(path)) for name, path in (layers or {}).items()}
        work = partial(stacked, bands=bands, cell_m=grid.cell_m, around=around)
        yield from in_order(work, read(), min(threads(), WORKERS))


@dataclass(frozen=True)
class Piece:
    """The heights of a window and around it, and the values of the layers in it, by name."""

    window: Window
    heights: NDArray[np.float32]
    layers: Mapping[str, NDArray[np.float32]]


def stacked(piece: Piece, bands: Sequence[AnyBand], cell_m: float, around: int) -> Part:
    """All bands of a window whose heights reach `around` cells beyond it."""
    terrain, inner = terrain_of(bands), (slice(around, -around), slice(around, -around))
    made = {}
    if terrain:
        made = {
            band.name: values[inner]
            for band, values in zip(terrain, derive(piece.heights, terrain, cell_m), strict=True)
        }
    if piece.layers:
        unknown = beside_nodata(piece.heights)[inner]
        for band in bands:
            if isinstance(band, LayerBand):
                made[band.name] = np.where(unknown, np.float32(np.nan), band.of(piece.layers[band.layer]))
    return Part(piece.window.row, piece.window.col, np.stack([made[band.name] for band in bands]))

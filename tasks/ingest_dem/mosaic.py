"""Several rasters in any CRS as one surface on the region's grid, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from tasks.contract.grid import Grid
from tasks.science.windows import windows
from tasks.store.raster import NODATA, Part, open_geotiff

WINDOW_PX = 512
CACHE_MB = 256


def surface(paths: Sequence[Path], grid: Grid, metres_per_unit: float) -> Iterator[Part]:
    """Elevation in metres on `grid`, NaN where no raster has any; the first raster that has a value gives it.

    Bilinear. Memory does not grow with the region: GDAL reads what each window needs.
    """
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=CACHE_MB))
        opened = [stack.enter_context(open_geotiff(path)) for path in paths]
        warped = [stack.enter_context(_on_grid(dataset, grid)) for dataset in opened]
        for window in windows(grid.height, grid.width, WINDOW_PX):
            shape = Window(window.col, window.row, window.width, window.height)  # type: ignore[no-untyped-call]
            part = np.full((window.height, window.width), np.nan, np.float32)
            for dataset in warped:
                if not np.isnan(part).any():
                    break
                part = np.where(np.isnan(part), _values(dataset, shape), part)
            yield Part(window.row, window.col, part * np.float32(metres_per_unit))


def _on_grid(dataset: rasterio.DatasetReader, grid: Grid) -> WarpedVRT:
    return WarpedVRT(
        dataset,
        crs=grid.crs,
        transform=Affine(*grid.transform),
        width=grid.width,
        height=grid.height,
        resampling=Resampling.bilinear,
        src_nodata=dataset.nodata,
        nodata=NODATA,
        dtype="float32",
        tolerance=0.01,  # of a cell: GDAL's default of an eighth bends planes by centimetres
    )


def _values(dataset: WarpedVRT, window: Window) -> NDArray[np.float32]:
    values = dataset.read(1, window=window, masked=True)
    filled = np.ma.filled(values, np.nan).astype(np.float32)
    filled[~np.isfinite(filled)] = np.nan
    return filled

"""Several rasters as one surface on the region's grid, window by window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.coords import disjoint_bounds
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.merge import merge
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from tasks.contract.grid import Grid
from tasks.science.windows import windows
from tasks.store.raster import Part, open_geotiff

WINDOW_PX = 512
REACH_PX = 4  # source cells around a window, more than a bilinear kernel sees
CACHE_MB = 256
Height = NDArray[np.float32]
Box = tuple[float, float, float, float]


def surface(paths: Sequence[Path], grid: Grid, metres_per_unit: float) -> Iterator[Part]:
    """Elevation in metres on `grid`, NaN where no raster has any; the first raster that has a value gives it.

    Rasters of one CRS and cell size are joined *before* the bilinear reprojection: each on its own would be
    extrapolated by half a cell at its edge, which shows as a step in slope along the seam.
    Memory does not grow with the region.
    """
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=CACHE_MB))
        alike: dict[Any, list[Any]] = defaultdict(list)
        for path in paths:
            dataset = stack.enter_context(open_geotiff(path))
            alike[dataset.crs, tuple(round(size, 12) for size in dataset.res)].append(dataset)
        for window in windows(grid.height, grid.width, WINDOW_PX):
            left, top = grid.left + window.col * grid.cell_m, grid.top - window.row * grid.cell_m
            piece = Grid(grid.crs, left, top, grid.cell_m, window.width, window.height)
            heights = np.full(piece.shape, np.nan, np.float32)
            for datasets in alike.values():
                heights = np.where(np.isnan(heights), on_grid(datasets, piece), heights)
            yield Part(window.row, window.col, heights * np.float32(metres_per_unit))


def on_grid(datasets: Sequence[Any], piece: Grid) -> Height:
    """What rasters of one CRS and cell size give for a piece of the grid."""
    box = snapped(transform_bounds(piece.crs, datasets[0].crs, *piece.bounds), datasets[0])
    near = [dataset for dataset in datasets if not disjoint_bounds(dataset.bounds, box)]
    if not near:
        return np.full(piece.shape, np.nan, np.float32)
    joined, transform = merge(near, bounds=box, res=near[0].res, nodata=np.nan, dtype="float32", masked=True)
    heights = joined[0].filled(np.nan)
    heights[~np.isfinite(heights)] = np.nan
    return bilinear(heights, transform, near[0].crs, piece)


def bilinear(heights: Height, transform: Affine, crs: Any, piece: Grid) -> Height:
    """Heights of one raster at the cell centres of another."""
    rows, cols = heights.shape
    source = {
        "driver": "GTiff",
        "width": cols,
        "height": rows,
        "count": 1,
        "dtype": "float32",
        "nodata": np.nan,
    }
    with MemoryFile() as memory:
        with memory.open(**source, crs=crs, transform=transform) as dataset:
            dataset.write(heights, 1)
        with memory.open() as dataset, WarpedVRT(dataset, **warp(dataset, piece)) as warped:
            return np.asarray(warped.read(1), np.float32)


def warp(dataset: Any, piece: Grid) -> dict[str, Any]:
    """Settings under which a plane stays a plane to a millimetre; GDAL's own are off by decimetres.

    Its default allows positions to be off by an eighth of a cell, and widens the kernel wherever the source's cells
    are the smaller ones: needed against aliasing from twice as small, below that it only adds noise.
    """
    fine = piece.width / max(1, _width_in_cells(dataset, piece))
    kernel = {} if fine < 0.5 else {"XSCALE": 1, "YSCALE": 1}
    return {
        "crs": piece.crs,
        "transform": Affine(*piece.transform),
        "width": piece.width,
        "height": piece.height,
        "resampling": Resampling.bilinear,
        "tolerance": 0.0001,
        **kernel,
    }


def _width_in_cells(dataset: Any, piece: Grid) -> float:
    left, _, right, _ = transform_bounds(piece.crs, dataset.crs, *piece.bounds)
    return float((right - left) / dataset.res[0])


def snapped(box: Box, dataset: Any) -> Box:
    """The box, grown by the kernel's reach and moved outward to the raster's cell edges."""
    to_cells, to_map = ~dataset.transform, dataset.transform
    (col0, row0), (col1, row1) = to_cells @ (box[0], box[3]), to_cells @ (box[2], box[1])
    left, top = to_map @ (np.floor(col0) - REACH_PX, np.floor(row0) - REACH_PX)
    right, bottom = to_map @ (np.ceil(col1) + REACH_PX, np.ceil(row1) + REACH_PX)
    return left, bottom, right, top

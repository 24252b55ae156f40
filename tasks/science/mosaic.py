"""Several rasters as one surface on a grid, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.coords import disjoint_bounds
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window as Cells

from tasks.contract.grid import Grid
from tasks.contract.threads import threads
from tasks.science.windows import windows
from tasks.sources.raster import open_raster
from tasks.store.raster import Part

WINDOW_PX = 512
LEAST_PX = 64
SOURCE_PX = 2048  # source cells along a window's side, at most about
REACH_PX = (
    4  # cells around a window, of the source's or the grid's whichever are larger: more than a kernel sees
)
HALO_PX = 1  # GDAL cuts off the kernel above the first row it makes
ALIGNED = 0.01  # of a cell
NOWHERE = np.iinfo(np.uint16).max
Values = NDArray[np.float32]
Origin = NDArray[np.uint16]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Member:
    """An open raster and its 1-based place in the order of precedence."""

    number: int
    dataset: Any


def surface(
    paths: Sequence[Path],
    grid: Grid,
    metres_per_unit: float,
    *,
    resampling: str = "bilinear",
    origins: Callable[[Part], None] | None = None,
) -> Iterator[Part]:
    """Values on `grid` times `metres_per_unit`, NaN where no raster has any; the first that has a value gives it.

    Rasters of one CRS whose cells coincide are joined *before* the reprojection: each on its own would be
    extrapolated by half a cell at its edge, which shows as a step in slope along the seam. `origins` is handed, part
    by part, the 1-based number of the raster that gave each cell, 0 where none did.
    Memory does not grow with the region.
    """
    with ExitStack() as stack:
        groups: list[list[Member]] = []
        for number, path in enumerate(paths, start=1):
            dataset = stack.enter_context(open_raster(path))
            group = next((g for g in groups if coincide(g[0].dataset, dataset)), None)
            if group is None:
                groups.append(group := [])
            group.append(Member(number, dataset))
        for window in windows(grid.height, grid.width, window_px(groups, grid)):
            left, top = grid.left + window.col * grid.cell_m, grid.top - window.row * grid.cell_m
            piece = Grid(grid.crs, left, top, grid.cell_m, window.width, window.height)
            values = np.full(piece.shape, np.nan, np.float32)
            origin = np.full(piece.shape, NOWHERE, np.uint16)
            for group in groups:
                whole = on_grid(group, piece.padded(HALO_PX), Resampling[resampling])
                theirs, numbers = (data[HALO_PX:-HALO_PX, HALO_PX:-HALO_PX] for data in whole)
                better = numbers < origin
                values[better], origin[better] = theirs[better], numbers[better]
            if origins:
                origin[origin == NOWHERE] = 0
                origins(Part(window.row, window.col, origin))
            yield Part(window.row, window.col, values * np.float32(metres_per_unit))


def coincide(a: Any, b: Any) -> bool:
    """Whether the cells of two rasters are those of one grid: a shift by half a cell must not be rounded away."""
    if a.crs != b.crs or any(abs(x / y - 1) > 1e-7 for x, y in zip(a.res, b.res, strict=True)):
        return False
    return all(abs(shift - round(shift)) < ALIGNED for shift in ~a.transform @ (b.transform.c, b.transform.f))


def window_px(groups: Sequence[Sequence[Member]], grid: Grid) -> int:
    """A window's side, smaller where the source's cells are much finer than the grid's."""
    ratio = max(cells_across(group[0].dataset, grid) / grid.width for group in groups)
    px = WINDOW_PX
    while px > LEAST_PX and px * ratio > SOURCE_PX:
        px //= 2
    return px


def on_grid(group: Sequence[Member], piece: Grid, resampling: Resampling) -> tuple[Values, Origin]:
    """What rasters whose cells coincide give for a piece of the grid, and which of them gave it."""
    frame = group[0].dataset
    reach = REACH_PX * max(1, round(cells_across(frame, piece) / piece.width))
    area = source_cells(transform_bounds(piece.crs, frame.crs, *piece.bounds), frame, reach)
    near = [member for member in group if not disjoint_bounds(member.dataset.bounds, bounds_of(area, frame))]
    numbers = np.full(piece.shape, NOWHERE, np.uint16)
    if not near:
        return np.full(piece.shape, np.nan, np.float32), numbers
    joined, gave = join(near, frame, area)
    transform = frame.transform @ Affine.translation(area.col_off, area.row_off)
    values = warped(joined, np.nan, transform, frame.crs, piece, resampling)
    known = ~np.isnan(values)
    used = np.unique(gave[gave > 0])
    if len(used) == 1:
        numbers[known] = used[0]
    elif len(used):
        nearest = warped(gave, 0, transform, frame.crs, piece, Resampling.nearest)
        nearest = np.where(np.isfinite(nearest) & (nearest > 0), nearest, used[0])
        numbers[known] = nearest.astype(np.uint16)[known]
    return values, numbers


def join(near: Sequence[Member], frame: Any, area: Cells) -> tuple[Values, Origin]:
    """The cells of an area, each from the first raster that has it, and that raster's number."""
    values = np.full((area.height, area.width), np.nan, np.float32)
    gave = np.zeros(values.shape, np.uint16)
    for member in near:
        corner = member.dataset.transform
        col, row = (round(v) for v in ~frame.transform @ (corner.c, corner.f))
        top, left = max(area.row_off, row), max(area.col_off, col)
        bottom = min(area.row_off + area.height, row + member.dataset.height)
        right = min(area.col_off + area.width, col + member.dataset.width)
        if top >= bottom or left >= right:
            continue
        cells = Cells(left - col, top - row, right - left, bottom - top)  # type: ignore[no-untyped-call]
        found = member.dataset.read(1, window=cells, masked=True).astype(np.float32).filled(np.nan)
        found[~np.isfinite(found)] = np.nan
        there = np.s_[top - area.row_off : bottom - area.row_off, left - area.col_off : right - area.col_off]
        fills = np.isnan(values[there]) & ~np.isnan(found)
        values[there][fills] = found[fills]
        gave[there][fills] = member.number
        if gave.all():
            break
    return values, gave


def warped(
    data: NDArray[Any], nodata: float, transform: Affine, crs: Any, piece: Grid, resampling: Resampling
) -> Values:
    """The values of one raster at the cell centres of another."""
    rows, cols = data.shape
    source = {
        "driver": "GTiff",
        "width": cols,
        "height": rows,
        "count": 1,
        "dtype": data.dtype.name,
        "nodata": nodata,
    }
    with MemoryFile() as memory:
        with memory.open(**source, crs=crs, transform=transform) as dataset:
            dataset.write(data, 1)
        with memory.open() as dataset, WarpedVRT(dataset, **warp(dataset, piece, resampling)) as result:
            return np.asarray(result.read(1), np.float32)


def warp(dataset: Any, piece: Grid, resampling: Resampling) -> dict[str, Any]:
    """Settings under which a plane stays a plane to a millimetre; GDAL's own are off by decimetres.

    Its default allows positions to be off by an eighth of a cell, and widens the kernel wherever the source's cells
    are the smaller ones: needed against aliasing from twice as small, below that it only adds noise.
    """
    fine = piece.width / max(1.0, cells_across(dataset, piece))
    plain = resampling == Resampling.bilinear and fine >= 0.5
    return {
        "crs": piece.crs,
        "transform": Affine(*piece.transform),
        "width": piece.width,
        "height": piece.height,
        "resampling": resampling,
        "tolerance": 0.0001,
        "NUM_THREADS": str(threads()),
        **({"XSCALE": 1, "YSCALE": 1} if plain else {}),
    }


def cells_across(dataset: Any, piece: Grid) -> float:
    """The width of a piece of the grid in the raster's cells."""
    left, _, right, _ = transform_bounds(piece.crs, dataset.crs, *piece.bounds)
    return float((right - left) / dataset.res[0])


def source_cells(box: Box, dataset: Any, reach: int) -> Cells:
    """The raster's cells that a box needs, grown by the kernel's reach; may lie beyond the raster."""
    (col0, row0), (col1, row1) = ~dataset.transform @ (box[0], box[3]), ~dataset.transform @ (box[2], box[1])
    left, top = int(np.floor(col0)) - reach, int(np.floor(row0)) - REACH_PX
    right, bottom = int(np.ceil(col1)) + reach, int(np.ceil(row1)) + reach
    return Cells(left, top, right - left, bottom - top)  # type: ignore[no-untyped-call]


def bounds_of(area: Cells, dataset: Any) -> Box:
    """Left, bottom, right, top of cells."""
    left, top = dataset.transform @ (area.col_off, area.row_off)
    right, bottom = dataset.transform @ (area.col_off + area.width, area.row_off + area.height)
    return left, bottom, right, top

"""Windowed GeoTIFF reading and Cloud Optimized GeoTIFF writing. Memory is bounded by the window."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.shutil import copy as copy_raster
from rasterio.windows import Window

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid

NODATA = -9999.0


@contextmanager
def open_geotiff(path: Path) -> Iterator[Any]:
    """A rasterio dataset, opened by the GeoTIFF driver alone: GDAL would otherwise follow a VRT's addresses."""
    try:
        with rasterio.open(path, driver="GTiff") as dataset:
            yield dataset
    except RasterioIOError as error:
        raise BadData(f"{path.name} cannot be read as a GeoTIFF: {error}") from error


def read_window(
    path: Path, row: int, col: int, height: int, width: int, bands: Sequence[int] | None = None
) -> NDArray[np.float32]:
    """Bands x height x width as float32; NaN where nodata and beyond the edge; `row`, `col` may be negative."""
    with open_geotiff(path) as dataset:
        data = dataset.read(
            indexes=list(bands) if bands else None,
            window=Window(col, row, width, height),  # type: ignore[no-untyped-call]
            boundless=True,
            masked=True,
            fill_value=dataset.nodata,
        )
        outside = np.zeros((height, width), bool)
        outside[: max(0, -row)] = True
        outside[:, : max(0, -col)] = True
        outside[max(0, dataset.height - row) :] = True
        outside[:, max(0, dataset.width - col) :] = True
    values = np.ma.filled(data.astype(np.float32), np.nan)
    values[:, outside] = np.nan
    return values


@dataclass(frozen=True)
class Part:
    """A piece of a raster: bands x rows x columns (or rows x columns) at a row and column."""

    row: int
    col: int
    data: NDArray[Any]


def write_cog(
    path: Path,
    grid: Grid,
    parts: Iterable[Part],
    *,
    bands: Sequence[str],
    dtype: str = "float32",
    nodata: float | None = NODATA,
    units: Sequence[str] | None = None,
    overviews: str = "average",
    tags: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Write a COG from parts; NaN becomes nodata. Returns the raster properties for the manifest.

    The parts go into a plain tiled GeoTIFF first, which the COG driver then reorders.
    """
    plain: dict[str, Any] = {
        "driver": "GTiff",
        "crs": grid.crs,
        "transform": Affine(*grid.transform),
        "width": grid.width,
        "height": grid.height,
        "count": len(bands),
        "dtype": dtype,
        "nodata": nodata,
    }
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".cog-") as folder:
        draft = Path(folder) / "draft.tif"
        with rasterio.open(
            draft, "w", **plain, tiled=True, blockxsize=512, blockysize=512, BIGTIFF="IF_SAFER"
        ) as out:
            out.descriptions = tuple(bands)
            if units:
                out.units = tuple(units)
            if tags:
                out.update_tags(**tags)
            for part in parts:
                data = part.data if part.data.ndim == 3 else part.data[None]
                if nodata is not None and np.issubdtype(data.dtype, np.floating):
                    data = np.where(np.isnan(data), nodata, data)
                height, width = data.shape[1:]
                out.write(data.astype(dtype), window=Window(part.col, part.row, width, height))  # type: ignore[no-untyped-call]
        predictor = "FLOATING_POINT" if dtype.startswith("float") else "STANDARD"
        copy_raster(
            draft,
            path,
            driver="COG",
            COMPRESS="DEFLATE",
            PREDICTOR=predictor,
            BLOCKSIZE=512,
            RESAMPLING=overviews.upper(),
            NUM_THREADS="2",
            BIGTIFF="IF_SAFER",
        )
    return {**grid.properties(), "dtype": dtype, "nodata": nodata, "bands": list(bands)}

"""Windowed GeoTIFF reading and Cloud Optimized GeoTIFF writing. Memory is bounded by the window."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.shutil import copy as copy_raster
from rasterio.windows import Window

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.contract.threads import in_order, threads

NODATA = -9999.0
BLOCK_PX = 512
# On terrain, level 6 takes twice as long as level 1 to save one to three hundredths.
FLOATS = {"PREDICTOR": "FLOATING_POINT", "LEVEL": 1}
INTEGERS = {"PREDICTOR": "STANDARD", "LEVEL": 6}
WORKERS = 4  # each holds a window: their number bounds the memory
# In megabytes, read by GDAL when it first caches a block; left alone it takes a twentieth of the machine's memory.
os.environ.setdefault("GDAL_CACHEMAX", "256")


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
        return read_from(dataset, row, col, height, width, bands)


def read_from(
    dataset: Any, row: int, col: int, height: int, width: int, bands: Sequence[int] | None = None
) -> NDArray[np.float32]:
    """`read_window` of an open dataset: blocks that two windows share are decoded once."""
    top, left = max(row, 0), max(col, 0)
    bottom, right = min(row + height, dataset.height), min(col + width, dataset.width)
    indexes = list(bands) if bands else list(dataset.indexes)
    values = np.full((len(indexes), height, width), np.nan, np.float32)
    if top < bottom and left < right:
        window = Window(left, top, right - left, bottom - top)  # type: ignore[no-untyped-call]
        found = dataset.read(indexes, window=window)
        inside = values[:, top - row : bottom - row, left - col : right - col]
        inside[...] = found
        if dataset.nodata is not None:
            inside[found == dataset.nodata] = np.nan
    return values


@dataclass(frozen=True)
class Part:
    """A piece of a raster: bands x rows x columns (or rows x columns) at a row and column."""

    row: int
    col: int
    data: NDArray[Any]


@dataclass(frozen=True)
class Moments:
    """Number of values, least and most, mean, and the sum of the squared deviations from it."""

    count: int = 0
    least: float = np.inf
    most: float = -np.inf
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: NDArray[Any]) -> Moments:
        """Those of an array in one dimension."""
        if not values.size:
            return cls()
        exact = values.astype(np.float64)
        mean = exact.mean()
        least, most = float(values.min()), float(values.max())
        exact -= mean
        return cls(values.size, least, most, float(mean), float(np.square(exact, out=exact).sum()))

    def with_more(self, more: Moments) -> Moments:
        """Those of both together (Chan, Golub and LeVeque 1983)."""
        count = self.count + more.count
        if not count:
            return self
        apart, share = more.mean - self.mean, more.count / count
        return Moments(
            count,
            min(self.least, more.least),
            max(self.most, more.most),
            self.mean + apart * share,
            self.squares + more.squares + apart**2 * self.count * share,
        )

    def tags(self, cells: int) -> dict[str, str]:
        """As GDAL names a band's statistics, of a raster of so many cells."""
        known = {"STATISTICS_VALID_PERCENT": f"{100 * self.count / cells:.6g}"}
        if not self.count:
            return known
        figures = {"MINIMUM": self.least, "MAXIMUM": self.most, "MEAN": self.mean}
        figures["STDDEV"] = float(np.sqrt(self.squares / self.count))
        return known | {f"STATISTICS_{name}": f"{figure:.12g}" for name, figure in figures.items()}


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
    about: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write a COG from parts that do not overlap; NaN becomes nodata. Returns the raster properties for the manifest.

    A band carries its name, unit, what it is `about`, and its statistics. The parts go into a plain tiled GeoTIFF,
    band by band, which gets overviews; the COG driver then reorders and compresses all of it.
    """
    number = str(threads())
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".cog-") as folder:
        draft = Path(folder) / "draft.tif"
        settings = {
            "driver": "GTiff",
            "crs": grid.crs,
            "transform": Affine(*grid.transform),
            "width": grid.width,
            "height": grid.height,
            "count": len(bands),
            "dtype": dtype,
            "nodata": nodata,
            "tiled": True,
            "blockxsize": BLOCK_PX,
            "blockysize": BLOCK_PX,
            "interleave": "band",
            "BIGTIFF": "IF_SAFER",
        }
        with rasterio.open(draft, "w", **settings) as out:
            out.descriptions = tuple(bands)
            if units:
                out.units = tuple(units)
            for index, words in enumerate(about or [], 1):
                out.update_tags(index, long_name=words)
            for index, moments in enumerate(written(out, parts), 1):
                out.update_tags(index, **moments.tags(grid.width * grid.height))
        with rasterio.Env(GDAL_NUM_THREADS=number):
            with rasterio.open(draft, "r+") as out:
                out.build_overviews(overview_factors(grid), Resampling[overviews])
            copy_raster(
                draft,
                path,
                driver="COG",
                COMPRESS="DEFLATE",
                **(FLOATS if dtype.startswith("float") else INTEGERS),
                BLOCKSIZE=BLOCK_PX,
                OVERVIEWS="FORCE_USE_EXISTING",
                NUM_THREADS=number,
                BIGTIFF="IF_SAFER",
            )
    return {**grid.properties(), "dtype": dtype, "nodata": nodata, "bands": list(bands)}


def written(out: Any, parts: Iterable[Part]) -> list[Moments]:
    """The moments of each band of an open raster, once the parts are in it."""
    total = [Moments()] * out.count
    ready = partial(prepared, dtype=out.dtypes[0], nodata=out.nodata)
    for part, found in in_order(ready, parts, workers=1):
        height, width = part.data.shape[1:]
        out.write(part.data, window=Window(part.col, part.row, width, height))  # type: ignore[no-untyped-call]
        total = [one.with_more(more) for one, more in zip(total, found, strict=True)]
    return total


def prepared(part: Part, dtype: str, nodata: float | None) -> tuple[Part, list[Moments]]:
    """The part as it is written, bands x rows x columns, and each band's moments."""
    data = part.data if part.data.ndim == 3 else part.data[None]
    if nodata is not None and np.issubdtype(data.dtype, np.floating):
        data = np.where(np.isnan(data), nodata, data)
    data = data.astype(dtype, copy=False)
    moments = []
    for band in data:
        known = ~np.isnan(band) if nodata is None else band != nodata
        moments.append(Moments.of(band.ravel() if known.all() else band[known]))
    return Part(part.row, part.col, data), moments


def overview_factors(grid: Grid) -> list[int]:
    """Two, four, eight and so on, until a block holds the whole."""
    most = max(grid.shape)
    return [2**n for n in range(1, most.bit_length()) if most > BLOCK_PX * 2 ** (n - 1)]

"""Is a file a whole raster of a driver that is allowed? GDAL reads missing blocks as zeros without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from tasks.contract.errors import BadData

DRIVERS = ["GTiff", "AAIGrid", "HFA", "USGSDEM", "SRTMHGT"]
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic and big TIFF, either byte order
ASCII_GRID = (b"ncols", b"nrows", b"xllcorner", b"yllcorner", b"xllcenter", b"yllcenter", b"cellsize")
OWN = (".prj",)  # of an Arc/Info ASCII grid


@contextmanager
def open_raster(path: Path) -> Iterator[Any]:
    """A rasterio dataset, opened by an allowed driver: GDAL would otherwise follow the addresses in a VRT."""
    driver = driver_of(path)
    alone = {} if driver == "AAIGrid" else {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    try:
        with rasterio.Env(GDAL_PAM_ENABLED=False, **alone), rasterio.open(path, driver=driver) as dataset:
            yield dataset
    except RasterioError as error:
        raise BadData(f"{path.name} cannot be read as a raster: {error}") from error


def driver_of(path: Path) -> str:
    """The one driver that shall read a file: by how it begins; an SRTM height file is known by its name alone."""
    if path.suffix.lower() == ".hgt":
        return "SRTMHGT"
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"EHFA_HEADER_TAG"):
        return "HFA"
    if start.lstrip().lower().startswith(ASCII_GRID):
        return "AAIGrid"
    return "GTiff" if start.startswith(MAGIC) else "USGSDEM"


def check_raster(path: Path, name: str, *, bands: int = 1) -> None:
    """Raise `BadData` unless the file is a whole raster, north up, with a CRS and so many bands."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if start.lstrip().startswith(b"<"):
        raise BadData(
            f"{name} is not a TIFF or other raster but a text that GDAL might follow elsewhere: it begins with "
            f"{start[:40]!r}; name the raster itself, not a VRT or a web page"
        )
    try:
        with open_raster(path) as dataset:
            _check(dataset, path, name, bands, start)
    except BadData as error:
        if isinstance(error.__cause__, RasterioError):
            raise BadData(
                f"{name} is not a raster of a driver that is allowed ({', '.join(DRIVERS)}), or cut short: it begins "
                f"with {start[:40]!r}; check the address or the file"
            ) from error
        raise


def _check(dataset: Any, path: Path, name: str, bands: int, start: bytes) -> None:
    others = {Path(file).name for file in dataset.files} - {path.name}
    if any(Path(other).suffix.lower() not in OWN for other in others):
        raise BadData(f"{name} refers to other files, {sorted(others)}; give one file that holds all")
    if dataset.driver == "HFA" and b".ige" in start:
        raise BadData(f"{name} keeps its cells in another file (.ige); give one file that holds all")
    if dataset.count != bands:
        raise BadData(f"{name} has {dataset.count} bands; expected {bands}")
    if dataset.crs is None:
        raise BadData(f"{name} names no coordinate reference system; assign the right one to the file")
    t = dataset.transform
    if t.is_identity or t.b or t.d or t.a <= 0 or t.e >= 0:
        raise BadData(
            f"{name} is not placed north up: its transform is {tuple(t)[:6]}; warp it to a north-up grid first"
        )
    missing = missing_blocks(dataset, path.stat().st_size) if start.startswith(MAGIC) else []
    if missing:
        raise BadData(
            f"{name} lacks {len(missing)} blocks, first that at row, column {missing[0]}: cut short or sparse; "
            "fetch it again or write it without SPARSE_OK"
        )


def missing_blocks(dataset: Any, size: int) -> list[tuple[int, int]]:
    """Rows and columns of a TIFF's blocks that have no bytes, or bytes beyond the end of the file."""

    def tag(name: str, row: int, col: int, band: int) -> int:
        return int(dataset.get_tag_item(f"{name}_{col}_{row}", "TIFF", bidx=band) or 0)

    bands = dataset.indexes if dataset.interleaving and dataset.interleaving.name == "band" else [1]
    return [
        (row, col)
        for band in bands
        for (row, col), _ in dataset.block_windows(band)
        if not (start := tag("BLOCK_OFFSET", row, col, band))
        or not (length := tag("BLOCK_SIZE", row, col, band))
        or start + length > size
    ]

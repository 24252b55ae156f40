"""GDAL's own gdaldem, which the rasterio wheel has no program for, through the C API of the library it brings along.

`python -m infra.bench.gdaldem slope dem.tif slope.tif -of COG -co COMPRESS=DEFLATE`
"""

from __future__ import annotations

import ctypes
import functools
import sys
from ctypes import POINTER, c_char_p, c_int, c_uint, c_void_p
from pathlib import Path

import rasterio

OPEN_RASTER, SAY_WHY_NOT = 0x02, 0x40
FUNCTIONS: dict[str, tuple[type | None, list[type]]] = {
    "GDALOpenEx": (c_void_p, [c_char_p, c_uint, c_void_p, c_void_p, c_void_p]),
    "GDALClose": (c_int, [c_void_p]),
    "GDALDEMProcessingOptionsNew": (c_void_p, [POINTER(c_char_p), c_void_p]),
    "GDALDEMProcessingOptionsFree": (None, [c_void_p]),
    "GDALDEMProcessing": (c_void_p, [c_char_p, c_void_p, c_char_p, c_char_p, c_void_p, POINTER(c_int)]),
    "CPLErrorReset": (None, []),
    "CPLGetLastErrorMsg": (c_char_p, []),
}


@functools.cache
def libgdal() -> ctypes.CDLL:
    """The GDAL that rasterio has loaded into this process; other packages may have brought one of their own."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    loaded = {words[-1] for words in map(str.split, maps) if Path(words[-1]).name.startswith("libgdal")}
    bundled = {path for path in loaded if Path(path).parent.name == "rasterio.libs"} or loaded
    if len(bundled) != 1:
        raise OSError(f"expected one libgdal of rasterio in this process, found {sorted(bundled)}")
    library = ctypes.CDLL(bundled.pop())
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def gdaldem(mode: str, source: Path, out: Path, *options: str) -> None:
    """Write `out`, the `mode` (slope, aspect, TPI, TRI, roughness, hillshade) of the DEM `source`.

    `options` are those of the gdaldem program: `"-of", "COG", "-co", "COMPRESS=DEFLATE"`. Raises OSError with GDAL's
    message where the source cannot be opened, an option is unknown or the result cannot be written.
    """
    gdal = libgdal()
    # It registers the drivers, finds PROJ's data and sends GDAL's messages to logging.
    with rasterio.Env():
        gdal.CPLErrorReset()
        words = (c_char_p * (len(options) + 1))(*[option.encode() for option in options], None)
        dem = _made(gdal, gdal.GDALOpenEx(bytes(source), OPEN_RASTER | SAY_WHY_NOT, None, None, None), source)
        parsed, made, misused = None, None, c_int(0)
        try:
            parsed = _made(gdal, gdal.GDALDEMProcessingOptionsNew(words, None), " ".join(options))
            made = gdal.GDALDEMProcessing(bytes(out), dem, mode.encode(), None, parsed, misused)
            _made(gdal, made and not misused.value, f"{mode} of {source}")
        finally:
            failed = gdal.GDALClose(made) if made else 0
            gdal.GDALDEMProcessingOptionsFree(parsed)
            gdal.GDALClose(dem)
        _made(gdal, not failed, out)


def _made(gdal: ctypes.CDLL, result: int, what: str | Path) -> int:
    if not result:
        raise OSError(f"gdaldem: {what}: {gdal.CPLGetLastErrorMsg().decode() or 'no reason given'}")
    return result


if __name__ == "__main__":
    gdaldem(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])

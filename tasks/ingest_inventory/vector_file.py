"""Polygons from a file somebody supplied: GeoPackage, GeoJSON or shapefile, also zipped; nothing else is opened."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from tasks.contract.errors import BadData

DRIVERS = {"gpkg": "GPKG", "geojson": "GeoJSON", "shp": "ESRI Shapefile"}
MAX_UNZIPPED = 4 << 30
READ_BYTES = 1 << 16


def open_vector(path: Path, work: Path) -> Path:
    """The file to read: itself, or what a zip holds. Its content must be of a driver that is allowed.

    GDAL would choose the driver by content, and follow a VRT's addresses.
    """
    if zipfile.is_zipfile(path):
        path = unzipped(path, work)
    expected = DRIVERS[format_of(path)]
    found = pyogrio.read_info(path, layer=0)["driver"]
    if found != expected:
        raise BadData(f"{path.name} looks like {expected}, but GDAL would read it as {found}")
    return path


def format_of(path: Path) -> str:
    """`gpkg`, `geojson` or `shp`, by the file's own bytes."""
    with path.open("rb") as file:
        start = file.read(READ_BYTES)
    if start.startswith(b"SQLite format 3\0") and start[68:72] in (b"GPKG", b"GP10", b"GP11"):
        return "gpkg"
    if start.startswith(b"\0\0\x27\x0a") and path.suffix.lower() == ".shp":
        return "shp"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        try:
            if json.loads(path.read_bytes()).get("type") == "FeatureCollection":
                return "geojson"
        except ValueError as error:
            raise BadData(f"{path.name} is no valid GeoJSON: {error}") from error
    raise BadData(
        f"{path.name} is no GeoPackage, GeoJSON FeatureCollection or shapefile: it begins with {start[:40]!r}"
    )


def unzipped(path: Path, work: Path) -> Path:
    """The one data set in a zip, unpacked below `work`; zip checks the CRCs, which GDAL does not."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if Path(name).suffix.lower()[1:] in DRIVERS]
        if len(names) != 1:
            raise BadData(
                f"{path.name} must hold one data set, found {names or 'none'}; split it into one zip each"
            )
        stem = names[0].rsplit(".", 1)[0]
        wanted = [info for info in archive.infolist() if info.filename.rsplit(".", 1)[0] == stem]
        if sum(info.file_size for info in wanted) > MAX_UNZIPPED:
            raise BadData(f"{path.name} unpacks to more than {MAX_UNZIPPED >> 30} GB")
        try:
            for info in wanted:
                archive.extract(info, work)  # drops drive letters, leading slashes and `..`
        except (zipfile.BadZipFile, OSError, RuntimeError) as error:
            raise BadData(f"{path.name} cannot be unpacked: {error}") from error
    found = [p for p in work.rglob("*") if p.name == Path(names[0]).name]
    return found[0]


def read_layer(path: Path, layer: str | None, where: str = "") -> gpd.GeoDataFrame:
    """One layer with its CRS. Without a name, the only layer there is."""
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if layer is None and len(names) != 1:
        raise BadData(f"{path.name} has the layers {names}; name the one to use")
    if layer is not None and layer not in names:
        raise BadData(f"{path.name} has no layer {layer!r}; it has {names}")
    try:
        frame = gpd.read_file(path, layer=layer or names[0], where=where or None, engine="pyogrio")
    except (DataSourceError, DataLayerError, ValueError) as error:
        raise BadData(f"{path.name}, layer {layer or names[0]!r}, where {where!r}: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise BadData(f"{path.name}, layer {layer or names[0]!r} has no geometry")
    if frame.crs is None or not (frame.crs.is_projected or frame.crs.is_geographic):
        raise BadData(
            f"{path.name}, layer {layer or names[0]!r} names no coordinate reference system; assign it"
        )
    return frame

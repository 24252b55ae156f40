"""Polygons from a file somebody supplied; nothing but the formats named here is ever opened.

GeoPackage, GeoJSON, GeoParquet and shapefile, each also in a zip, told by the file's own bytes.
"""

from __future__ import annotations

import json
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import geopandas as gpd
import pyogrio
from pyarrow import ArrowException
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj.exceptions import ProjError
from shapely.errors import ShapelyError

from tasks.contract.errors import BadData
from tasks.sources.http import room_for

DRIVERS = {"gpkg": "GPKG", "geojson": "GeoJSON", "shp": "ESRI Shapefile"}
DATA_SETS = (".gpkg", ".geojson", ".json", ".shp", ".parquet", ".geoparquet")
SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")
ZIP = b"PK"
PARQUET = b"PAR1"
MOST_UNZIPPED = 4 << 30
MOST_RATIO = 200  # of an inventory's bytes to its zip's; real ones stay below 50
ALWAYS_UNZIPPED = 64 << 20  # a small zip of blank columns may pack better than that
READ_BYTES = 1 << 16


def open_vector(path: Path, work: Path) -> Path:
    """The file for `read_layer`: itself, what a zip holds, or a GeoParquet's content as a GeoPackage.

    GDAL would choose the driver by content, and follow a VRT's addresses, so the driver is checked here.
    """
    if start_of(path).startswith(ZIP):
        path = unzipped(path, work)
    if start_of(path).startswith(PARQUET):
        return from_parquet(path, work)
    expected = DRIVERS[format_of(path)]
    try:
        found = pyogrio.read_info(path, layer=0)["driver"]
    except (DataSourceError, DataLayerError) as error:
        raise BadData(f"{path.name} is damaged: {error}; fetch or export it again") from error
    if found != expected:
        raise BadData(f"{path.name} looks like {expected}, but GDAL would read it as {found}; convert it")
    return path


def start_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(READ_BYTES)


def format_of(path: Path) -> str:
    """`gpkg`, `geojson` or `shp`, by the file's own bytes."""
    start = start_of(path)
    if start.startswith(b"SQLite format 3\0") and start[68:72] in (b"GPKG", b"GP10", b"GP11"):
        return "gpkg"
    if start.startswith(b"\0\0\x27\x0a") and path.suffix.lower() == ".shp":
        there = {sibling.suffix.lower() for sibling in path.parent.glob(f"{path.stem}.*")}
        if lacking := sorted({".shx", ".dbf"} - there):
            raise BadData(f"{path.name} lacks its {' and '.join(lacking)}; supply the shapefile as one zip")
        return "shp"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        try:
            if json.loads(path.read_bytes()).get("type") == "FeatureCollection":
                return "geojson"
        except ValueError as error:
            raise BadData(f"{path.name} is no valid GeoJSON: {error}; export it again") from error
    raise BadData(
        f"{path.name} is no GeoPackage, GeoJSON FeatureCollection, GeoParquet, shapefile or zip of one: "
        f"it begins with {start[:40]!r}; convert it"
    )


def from_parquet(path: Path, work: Path) -> Path:
    """A GeoParquet as a GeoPackage of the same layer name, so that `where` means the same for all formats."""
    try:
        frame = gpd.read_parquet(path)
    except (ArrowException, ValueError, OSError, ProjError, ShapelyError) as error:
        raise BadData(f"{path.name} is no GeoParquet that can be read: {error}; export it again") from error
    others = [name for name in frame.columns[frame.dtypes == "geometry"] if name != frame.geometry.name]
    copy = work / "parquet" / f"{path.stem}.gpkg"
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        pyogrio.write_dataframe(
            frame.drop(columns=others), copy, layer=path.stem, layer_options={"FID": "gpkg_row"}
        )
    except (DataSourceError, DataLayerError, ValueError, TypeError, RuntimeError) as error:
        raise BadData(f"{path.name} has columns that are no plain fields: {error}; leave them out") from error
    return copy


def unzipped(path: Path, work: Path) -> Path:
    """The one data set in a zip, unpacked flat below `work`; zip checks the CRCs, which GDAL does not."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not of_a_mac(entry.filename)]
            for entry in entries:
                check_entry(path, entry)
            return unpack(path, archive, entries, work / "unzipped")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadData(f"{path.name} cannot be unpacked: {error}; pack it again without a password") from error


def of_a_mac(name: str) -> bool:
    """Whether macOS put an entry beside the real one."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith("._")


def check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    """Refuse a zip that nobody packs by accident: names that lead out, links, zips in zips."""
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in entry.filename:
        raise BadData(
            f"{path.name} holds {entry.filename!r}, a name that leads out of its folder; pack it again"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadData(f"{path.name} holds {entry.filename!r}, a symbolic link; pack the file itself")
    if name.suffix.lower() in (".zip", ".kmz", ".gz", ".7z", ".tar"):
        raise BadData(f"{path.name} holds {entry.filename!r}, an archive in an archive; unpack the inner one")


def unpack(path: Path, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path) -> Path:
    """Write the parts of the one data set, and stop at a size that no inventory has."""
    named = [entry for entry in entries if PurePosixPath(entry.filename).suffix.lower() in DATA_SETS]
    if len(named) != 1:
        names = [entry.filename for entry in named] or "none"
        raise BadData(f"{path.name} must hold one data set, found {names}; pack one zip for each")
    main = PurePosixPath(named[0].filename)
    wanted = named
    if main.suffix.lower() == ".shp":
        wanted = [entry for entry in entries if is_part(PurePosixPath(entry.filename), main)]
    most = min(MOST_UNZIPPED, max(ALWAYS_UNZIPPED, MOST_RATIO * path.stat().st_size))
    refuse_more_than(most, sum(entry.file_size for entry in wanted), path)
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for entry in wanted:
        part = folder / PurePosixPath(entry.filename).name
        with room_for(str(path)), archive.open(entry) as packed, part.open("wb") as out:
            while piece := packed.read(1 << 20):
                written += len(piece)
                refuse_more_than(most, written, path)  # what a zip declares of itself need not be true
                out.write(piece)
    return folder / main.name


def is_part(name: PurePosixPath, main: PurePosixPath) -> bool:
    """Whether an entry belongs to the shapefile `main`."""
    return name.with_suffix("") == main.with_suffix("") and name.suffix.lower() in SHAPEFILE


def refuse_more_than(most: int, size: int, path: Path) -> None:
    """Stop a zip bomb."""
    if size > most:
        raise BadData(
            f"{path.name} of {path.stat().st_size} bytes unpacks to more than {most}, as a zip bomb does; "
            "supply it unpacked if that is what it is"
        )


def read_layer(path: Path, layer: str | int | None = None, where: str = "") -> gpd.GeoDataFrame:
    """One layer of an opened file with its CRS. Without a name, the only layer there is."""
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if layer is None and len(names) != 1:
        raise BadData(f"{path.name} has the layers {names}; name the one to use")
    name = names[0] if layer is None else str(layer)
    if name not in names:
        raise BadData(f"{path.name} has no layer {name!r}; it has {names}")
    try:
        frame = gpd.read_file(path, layer=name, where=where or None, engine="pyogrio")
    except (DataSourceError, DataLayerError, ValueError, ProjError, ShapelyError) as error:
        raise BadData(f"{path.name}, layer {name!r}, where {where!r} cannot be read: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise BadData(f"{path.name}, layer {name!r} has no geometry; name a layer of polygons")
    if frame.crs is None or not (frame.crs.is_projected or frame.crs.is_geographic):
        raise BadData(
            f"{path.name}, layer {name!r} names no coordinate reference system; assign the one it is in"
        )
    return frame

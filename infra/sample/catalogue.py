"""The product catalogue of The National Map (TNM Access), the files it points to, and files of other layers."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import Any

from infra.sample.folder import metadata

DATASET = "National Elevation Dataset (NED) 1/3 arc-second"
LAYERS = "/layers"
STAGED = "/tnm/StagedProducts/Elevation/13/TIFF/current"
_TYPES = {".tif": "image/tiff", ".geojson": "application/geo+json", ".gpkg": "application/geopackage+sqlite3"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

Json = dict[str, Any]


class BadSearch(ValueError):
    """A search the catalogue does not understand."""


class BadRange(ValueError):
    """A range beyond the file's end."""


@dataclass(frozen=True)
class StagedFile:
    """A file for download."""

    path: Path
    size: int
    etag: str
    modified: str

    @property
    def content_type(self) -> str:
        """By the file's ending."""
        return _TYPES.get(self.path.suffix, "application/octet-stream")

    def span(self, header: str | None) -> tuple[int, int] | None:
        """First byte and end of a `Range` header; None to send all. Raises BadRange."""
        match = _RANGE.fullmatch(header.strip()) if header else None
        if match is None or match.groups() == ("", ""):
            return None  # several ranges or none: a server may send the whole
        first, last = match.groups()
        start = int(first) if first else max(self.size - int(last), 0)
        end = min(int(last) + 1, self.size) if first and last else self.size
        if start >= end:
            raise BadRange(f"{header} of {self.size} bytes")
        return start, end


def products(folder: Path, base_url: str, params: dict[str, str]) -> Json:
    """Answer `/api/v1/products`: what of the catalogue meets the box, a page of it. Raises BadSearch."""
    found = [_item(folder, product, base_url) for product in _catalogue(folder) if _wanted(product, params)]
    offset, most = _count(params, "offset", 0), _count(params, "max", 50)
    page = found[offset : offset + most]
    return {
        "total": len(found),
        "items": page,
        "errors": [],
        "messages": [],
        "sciencebaseQuery": "",
        "filteredOut": 0,
    }


def staged_file(folder: Path, path: str) -> StagedFile | None:
    """The file behind a download address, None where the catalogue has none such."""
    for product in _catalogue(folder):
        if path == _address(product):
            return _described(folder / product["file"])
    for layer in (metadata(folder) or {}).get("layers", {}).values():
        if path == f"{LAYERS}/{layer['file']}":
            return _described(folder / layer["file"])
    return None


def _described(path: Path) -> StagedFile:
    stat = path.stat()
    etag = _digest(path, stat.st_mtime_ns, stat.st_size)
    return StagedFile(path, stat.st_size, f'"{etag}"', formatdate(stat.st_mtime, usegmt=True))


@lru_cache(maxsize=32)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _catalogue(folder: Path) -> list[Json]:
    found = metadata(folder)
    return list(found["products"]) if found else []


def _address(product: Json) -> str:
    return f"{STAGED}/{product['tile']}/{product['file']}"


def _item(folder: Path, product: Json, base_url: str) -> Json:
    west, south, east, north = product["bounds"]
    return {
        "title": product["title"],
        "moreInfo": "Synthetic terrain in the form of the 3D Elevation Program's 1/3 arc-second products.",
        "sourceId": product["sourceId"],
        "sourceName": "synthetic",
        "publicationDate": product["publicationDate"],
        "lastUpdated": product["lastUpdated"],
        "dateCreated": product["lastUpdated"],
        "sizeInBytes": (folder / product["file"]).stat().st_size,
        "extent": "1 x 1 degree",
        "format": "GeoTIFF",
        "datasets": [DATASET],
        "downloadURL": base_url + _address(product),
        "boundingBox": {"minX": west, "maxX": east, "minY": south, "maxY": north},
    }


def _wanted(product: Json, params: dict[str, str]) -> bool:
    datasets = [name.strip() for name in params.get("datasets", DATASET).split(",")]
    formats = [name.strip().lower() for name in params.get("prodFormats", "GeoTIFF").split(",")]
    if not any(name in (DATASET, f"{DATASET} Current") for name in datasets) or "geotiff" not in formats:
        return False
    if "bbox" not in params:
        return True
    try:
        left, bottom, right, top = (float(edge) for edge in params["bbox"].split(","))
    except ValueError as wrong:
        raise BadSearch(f"bbox must be minX,minY,maxX,maxY in degrees, got '{params['bbox']}'") from wrong
    west, south, east, north = product["bounds"]
    return left <= east and right >= west and bottom <= north and top >= south


def _count(params: dict[str, str], name: str, default: int) -> int:
    text = params.get(name) or str(default)
    if not text.isdigit():
        raise BadSearch(f"{name} must be a whole number, got '{text}'")
    return int(text)

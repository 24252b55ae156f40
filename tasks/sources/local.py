"""Files a region names, relative to PIPELINE_DATA and never outside it. Standard library only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from tasks.contract.errors import BadData, InvalidConfig, InvalidParams

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def data_file(path: str) -> Path:
    """The file at `path` below PIPELINE_DATA; links are followed before the check."""
    root = os.environ.get("PIPELINE_DATA")
    if not root:
        raise InvalidConfig(
            f"PIPELINE_DATA is not set, so {path!r} cannot be found; set it to the data folder"
        )
    base = Path(root).resolve()
    found = (base / path).resolve()
    if not found.is_relative_to(base):
        raise InvalidParams(f"path {path!r} leads out of PIPELINE_DATA; name a file inside it")
    if not found.is_file():
        raise BadData(
            f"there is no file {path!r} below PIPELINE_DATA ({base}); put it there or change the path"
        )
    return found


def parts(path: Path) -> list[Path]:
    """The files that make up a data set: a shapefile's siblings, else the file itself."""
    if path.suffix.lower() != ".shp":
        return [path]
    siblings = {sibling.suffix.lower(): sibling for sibling in path.parent.glob(f"{path.stem}.*")}
    return [siblings[suffix] for suffix in SHAPEFILE_PARTS if suffix in siblings]


def file_state(path: str) -> dict[str, Any]:
    """What changes when the file's content does: sha256 by file name."""
    return {"sha256": {part.name: sha256(part) for part in parts(data_file(path))}}


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

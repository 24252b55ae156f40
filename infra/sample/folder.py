"""A folder of data that is whole or not there, and knows what it was made from."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyogrio
from geopandas import GeoDataFrame

METADATA = "metadata.json"
INVENTORY = "inventory.gpkg"
_WRITTEN = "2025-01-15T00:00:00Z"  # GeoPackages record when they were written: same data, same bytes


def metadata(folder: Path) -> dict[str, Any] | None:
    """What the folder holds, or None where it is not a finished one."""
    try:
        found: dict[str, Any] = json.loads((folder / METADATA).read_text())
    except FileNotFoundError:
        return None
    return found


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A temporary sibling that takes the place of `folder` at the end; on an error it goes and `folder` stays."""
    if folder.exists() and metadata(folder) is None and any(folder.iterdir()):
        raise SystemExit(f"{folder} holds other files; name a new or an empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield fresh
        fresh.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
            folder.rename(old)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def write_metadata(folder: Path, found: dict[str, Any]) -> None:
    """Last file of a folder."""
    (folder / METADATA).write_text(json.dumps(found, indent=1) + "\n")


def write_layers(path: Path, layers: dict[str, GeoDataFrame]) -> None:
    """A GeoPackage with these layers, put in place in one step."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _WRITTEN})
    fresh = path.with_name(f".{path.name}.{os.getpid()}.gpkg")
    fresh.unlink(missing_ok=True)
    try:
        for name, rows in layers.items():
            pyogrio.write_dataframe(rows, fresh, layer=name, driver="GPKG", append=fresh.exists())
        fresh.replace(path)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
        fresh.unlink(missing_ok=True)


def read_layers(path: Path) -> dict[str, GeoDataFrame]:
    """All layers of a GeoPackage by name."""
    return {str(name): pyogrio.read_dataframe(path, layer=name) for name, _ in pyogrio.list_layers(path)}

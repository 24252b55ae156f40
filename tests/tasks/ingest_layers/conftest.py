"""Small layers as files, and a configuration whose region names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from tasks.contract.config import Config

LEFT, BOTTOM, RIGHT, TOP = 563200.0, 4190080.0, 564480.0, 4191360.0  # two by two tiles of 10 m cells
MARGIN_PX = 16
CRS = "EPSG:32610"


def inline(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {inline(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


@pytest.fixture
def region(config_folder: Callable[..., Config]) -> Callable[..., Config]:
    """A configuration: region(rain={"path": ...}) has the table [layers.rain]."""

    def write(bounds: tuple[float, ...] = (LEFT, BOTTOM, RIGHT, TOP), **layers: dict[str, Any]) -> Config:
        text = f'crs = "{CRS}"\nbounds = {list(bounds)}\ncell_m = 10.0\nmargin_px = {MARGIN_PX}\n'
        for name, table in layers.items():
            text += f"[layers.{name}]\n" + "".join(f"{key} = {inline(v)}\n" for key, v in table.items())
        return config_folder(**{"regions/here": text})

    return write


@pytest.fixture
def write_raster(data: Path) -> Callable[..., Path]:
    """Writes cells as a GeoTIFF whose upper left corner lies `beyond` metres outside the region's."""

    def write(
        name: str,
        cells: np.ndarray,
        cell_m: float,
        beyond: float = 400.0,
        crs: str | None = CRS,
        **profile: Any,
    ) -> Path:
        settings = {
            "driver": "GTiff", "count": 1, "height": cells.shape[0], "width": cells.shape[1], "dtype": cells.dtype,
            "crs": crs, "transform": from_origin(LEFT - beyond, TOP + beyond, cell_m, cell_m),
        }  # fmt: skip
        with rasterio.open(data / name, "w", **{**settings, **profile}) as out:
            out.write(cells, 1)
        return data / name

    return write


@pytest.fixture
def write_polygons(data: Path) -> Callable[..., Path]:
    """Writes shapes with columns as GeoPackage or GeoJSON, by the name's ending."""

    def write(
        name: str, shapes: list[Any], crs: str | None = CRS, layer: str = "units", **columns: Any
    ) -> Path:
        frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)
        frame = frame.set_crs(None, allow_override=True) if crs is None else frame.to_crs(crs)
        frame.to_file(data / name, layer=layer, engine="pyogrio")
        return data / name

    return write

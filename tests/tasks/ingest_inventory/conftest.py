"""Squares as landslides, and a configuration whose region takes its inventory from a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from tasks.contract.config import Config

LEFT, BOTTOM, RIGHT, TOP = 563200.0, 4190080.0, 564480.0, 4191360.0
CRS = "EPSG:32610"


def square(x: float, y: float, side: float = 50.0) -> BaseGeometry:
    """A square whose lower left corner lies x, y metres inside the region."""
    return shapely.box(LEFT + x, BOTTOM + y, LEFT + x + side, BOTTOM + y + side)


def toml(value: Any) -> str:
    """A value as TOML; a dict as an inline table."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {json.dumps(one)}" for name, one in value.items()) + "}"
    return json.dumps(value)


@pytest.fixture
def region(config_folder: Callable[..., Config]) -> Callable[..., Config]:
    """A configuration whose region `here` has this `[inventory]` table."""

    def write(
        targets: dict[str, Any],
        bounds: tuple[float, ...] = (LEFT, BOTTOM, RIGHT, TOP),
        crs: str = CRS,
        **table: Any,
    ) -> Config:
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())
        names = "\n".join(f"{name} = {toml(layer)}" for name, layer in targets.items())
        where = f'crs = "{crs}"\nbounds = {list(bounds)}\ncell_m = 10.0\n'
        text = f"{where}[inventory]\n{lines}\n[inventory.targets]\n{names}\n"
        return config_folder(**{"regions/here": text})

    return write


@pytest.fixture
def slides() -> gpd.GeoDataFrame:
    """Three landslides in the region, one across its edge, one outside."""
    shapes = [square(100, 100), square(300, 300), square(-20, 500), square(-500, 0), square(600, 600)]
    columns = {"OBJECTID": [5, 4, 3, 2, 1], "ls_id": ["a", "b", None, "d", "e"], "superseded": list("NNNNY")}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)

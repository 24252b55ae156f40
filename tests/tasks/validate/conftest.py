"""A region and a DEM artifact made from an array."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tasks.contract.config import Config
from tasks.contract.grid import Grid
from tasks.store.raster import Part, write_cog

MARGIN = 8


@pytest.fixture
def region(config_folder: Callable[..., Config]) -> Callable[..., Config]:
    """A configuration whose region `here` (128 x 128 cells) has these [validation] lines."""

    def write(validation: str = "", title: str = "Here") -> Config:
        text = f'title = "{title}"\ncrs = "EPSG:32610"\nbounds = [0.0, 0.0, 1280.0, 1280.0]\ncell_m = 10.0\n'
        text += '[inventory]\n[inventory.targets]\nscarps = "S"\ndeposits = "D"\n' + validation
        return config_folder(**{"regions/here": text})

    return write


@pytest.fixture
def rolling() -> np.ndarray:
    """Hills of 100 m, 144 x 144 cells: the region and a margin."""
    y, x = np.mgrid[0:144, 0:144]
    return (500 + 100 * np.sin(x / 15) * np.cos(y / 17)).astype(np.float32)


@pytest.fixture
def dem(make_artifact: Callable[..., str], tmp_path: Path) -> Callable[[np.ndarray], str]:
    """Puts heights (with margin) into the store as a DEM; its ref."""

    def put(heights: np.ndarray) -> str:
        grid = Grid("EPSG:32610", 0.0, 1280.0, 10.0, 128, 128).padded(MARGIN)
        raster = write_cog(tmp_path / "dem.tif", grid, [Part(0, 0, heights)], bands=["elevation"])
        product = {
            "title": "Cell <b>n38w123</b>",
            "published": "2020-01-01",
            "url": "http://x",
            "sha256": "0",
            "id": "1",
        }
        properties = {**raster, "region": "here", "margin_px": MARGIN, "products": [product]}
        return make_artifact("dem", {"dem.tif": tmp_path / "dem.tif"}, properties)

    return put

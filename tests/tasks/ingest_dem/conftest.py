"""A plane as a DEM, a configuration, and a web server on loopback that can misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from tasks.contract.config import Config

BOUNDS = (563200.0, 4190080.0, 564480.0, 4191360.0)  # two by two tiles of 10 m cells in UTM zone 10
DX, DY = 0.3, -0.4

Reply = tuple[int, dict[str, str], bytes]


class Server:
    """Answers by path; counts requests. A reply that is a list gives its elements one after another."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: dict[str, object] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def reply(self, path: str, query: dict[str, str]) -> Reply:
        self.asked.append((path, query))
        found = self.replies.get(path, (404, {}, b"not here"))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return found(query) if callable(found) else found


@pytest.fixture
def server(serve: Callable[..., str]) -> Server:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, headers, body = known.reply(parts.path, dict(parse_qsl(parts.query)))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    known = Server(serve(Handler))
    return known


def plane_at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The height of the plane at points in the region's CRS, in metres."""
    return 500 + DX * (x - BOUNDS[0]) + DY * (y - BOUNDS[3])


@pytest.fixture
def write_plane(tmp_path: Path) -> Callable[..., Path]:
    """Writes the plane in longitude and latitude as 3DEP does, between degrees west and east."""

    def write(
        name: str,
        west: float = -122.30,
        east: float = -122.24,
        factor: float = 1.0,
        unit: str = "",
        **profile: object,
    ) -> Path:
        south, north, cell = 37.84, 37.89, 1 / 10800
        width, height = round((east - west) / cell), round((north - south) / cell)
        lon, lat = np.meshgrid(
            west + (np.arange(width) + 0.5) * cell, north - (np.arange(height) + 0.5) * cell
        )
        x, y = Transformer.from_crs("EPSG:4269", "EPSG:32610", always_xy=True).transform(lon, lat)
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        settings = {
            "driver": "GTiff",
            "crs": "EPSG:4269",
            "transform": rasterio.transform.from_origin(west, north, cell, cell),
            "width": width,
            "height": height,
            "count": 1,
            "dtype": "float32",
            "nodata": -999999.0,
            "tiled": True,
            "blockxsize": 128,
            "blockysize": 128,
        }
        with rasterio.open(path, "w", **{**settings, **profile}) as out:
            out.write((plane_at(x, y) * factor).astype(np.float32), 1)
            if unit:
                out.units = (unit,)
        return path

    return write


@pytest.fixture
def region(config_folder: Callable[..., Config]) -> Callable[..., Config]:
    """A configuration whose region `here` has this `[dem]` table."""

    def write(margin_px: int = 16, **dem: object) -> Config:
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in dem.items())
        text = f'crs = "EPSG:32610"\nbounds = {list(BOUNDS)}\ncell_m = 10.0\nmargin_px = {margin_px}\n[dem]\n{lines}\n'
        return config_folder(**{"regions/here": text})

    return write


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PIPELINE_DATA."""
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PIPELINE_DATA", str(folder))
    return folder

"""A small region: its stack, an inventory with scarps and deposits, and a layer of land cover."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.store.raster import Part, write_cog

GRID, MARGIN = Grid("EPSG:32610", 0.0, 1280.0, 10.0, 64, 128), 16
SCARP, DEPOSIT = box(100, 700, 150, 900), box(100, 500, 200, 700)
CONFIG = {
    "regions/here": '[inventory.targets]\nscarps = "Scarp"\ndeposits = "Deposit"',
    "models/scarps": 'target = "scarps"',
}


@pytest.fixture
def judged(make_artifact, file_store) -> Callable[..., dict[str, str]]:
    """Puts an artifact and the report on it into the store: their refs, by the inputs they are for."""

    def put(
        kind: str, report: str, files: dict[str, Path], properties: dict[str, Any], passed: bool = True
    ) -> dict[str, str]:
        ref = make_artifact(kind, files, properties)
        subject = Refs(file_store).need(ref).items[kind].digest
        verdict = {"passed": passed, "reasons": [] if passed else ["no class is known"]}
        about = {"verdict": verdict, "subject": subject}
        return {kind: ref, report: make_artifact(f"{kind}-report", {"index.html": b""}, about)}

    return put


@pytest.fixture
def inputs(make_artifact, judged, tmp_path) -> Callable[..., dict[str, str]]:
    """Puts stack, inventory and report into the store and returns their refs."""

    def put(scarp=SCARP, deposit=DEPOSIT, crs=GRID.crs, date=None, source="{}") -> dict[str, str]:
        bands = np.zeros((2, *GRID.shape), np.float32)
        bands[1, 35, 12] = np.nan
        raster = write_cog(tmp_path / "stack.tif", GRID, [Part(0, 0, bands)], bands=["slope", "curvature"])
        table = gpd.GeoDataFrame(
            {"id": ["1", "2"], "landslide_id": ["s1", "s1"], "target": ["scarps", "deposits"],
             "date": [date, None], "source": [source, source]},
            geometry=[scarp, deposit], crs=crs,
        )  # fmt: skip
        table.to_parquet(tmp_path / "inventory.parquet")
        gpd.GeoDataFrame(geometry=[box(0, 0, 600, 1280)], crs=crs).to_parquet(tmp_path / "extent.parquet")
        files = {name: tmp_path / name for name in ("inventory.parquet", "extent.parquet")}
        about = {"region": "here", "synthetic": True, "area": deposit.area}
        stack = make_artifact(
            "stack",
            {"stack.tif": tmp_path / "stack.tif"},
            {
                **raster,
                "edition": f"{scarp}{crs}",
                "terrain_dates": {"oldest": "2018-01-01", "newest": "2019-06-30"},
            },
        )
        return {"stack": stack, **judged("inventory", "report", files, about)}

    return put


@pytest.fixture
def burn(run_task, config_folder) -> Callable[..., Any]:
    """Runs the task with these `[rasterize]` settings."""

    def go(refs, settings=""):
        config = config_folder(
            **{**CONFIG, "regions/here": f"{CONFIG['regions/here']}\n[rasterize]\n{settings}"}
        )
        return run_task("rasterize_inventory", refs, {"region": "here", "model": "scarps"}, config)

    return go


@pytest.fixture
def several(inputs, judged, tmp_path) -> Callable[..., dict[str, str]]:
    """The refs with an inventory of these scarps instead, each (id, confidence, shape)."""

    def put(*rows, target="scarps", **about):
        table = gpd.GeoDataFrame(
            {"id": [r[0] for r in rows], "landslide_id": [r[0] for r in rows], "target": target,
             "date": None, "confidence": [r[1] for r in rows]},
            geometry=[r[2] for r in rows], crs=GRID.crs,
        )  # fmt: skip
        table.to_parquet(tmp_path / "several.parquet")
        gpd.GeoDataFrame(geometry=[box(0, 0, 600, 1280)], crs=GRID.crs).to_parquet(
            tmp_path / "extent.parquet"
        )
        files = {
            "inventory.parquet": tmp_path / "several.parquet",
            "extent.parquet": tmp_path / "extent.parquet",
        }
        return inputs() | judged("inventory", "report", files, {"region": "here", **about})

    return put


@pytest.fixture
def land(judged, tmp_path) -> Callable[..., dict[str, str]]:
    """A categorical layer: water in the top 40 rows of the grid, unknown in the lowest 8, forest between."""

    def put(grid=None, passed=True, **about):
        wide = GRID.padded(MARGIN)
        codes = np.full(wide.shape, 2, np.uint16)
        codes[: MARGIN + 40] = 1
        codes[MARGIN + 120 :] = 0
        path = tmp_path / "landcover.tif"
        write_cog(
            path, wide, [Part(0, 0, codes)], bands=["landcover"], dtype="uint16", nodata=0, overviews="mode"
        )
        cover = {"type": "categorical", "classes": ["water", "forest"]}
        properties = {
            **(grid or wide).properties(), "region": "here", "margin_px": MARGIN,
            "layers": {"landcover": cover, "rain": {"type": "continuous", "classes": []}}, **about,
        }  # fmt: skip
        return judged("layers", "layers_report", {"landcover.tif": path}, properties, passed)

    return put

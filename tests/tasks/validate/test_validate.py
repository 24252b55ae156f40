"""The whole task: a real Great Expectations checkpoint, its pages, and what a failure does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.runner import load_manifest
from tasks.store.raster import Part, write_cog

SCRIPT = "<script>alert(1)</script>"


def failed(file_store: Any) -> Any:
    """The manifest of the report that a failing run left behind."""
    document, _ = Refs(file_store).read("runs/test/run/validate-report")
    (item,) = document.items.values()
    return load_manifest(file_store, item)


def test_a_good_dem_passes_and_its_pages_open(run_task, region, dem, rolling) -> None:
    report = run_task(
        "validate", {"subject": dem(rolling)}, {"region": "here"}, region(title=f"Here {SCRIPT}")
    )
    assert report.kind == "dem-report"
    assert report.properties["verdict"] == {"passed": True, "reasons": []}
    page = report.file("index.html").read_text()
    assert "10 of 10 checks passed" in page
    assert SCRIPT not in page
    assert "<b>n38w123" not in page
    docs = [name for name in report.names if name.startswith("docs/") and name.endswith(".html")]
    assert "docs/index.html" in docs
    assert any("/validations/" in name for name in docs)
    assert not any("__none__" in name for name in report.names)
    assert "here.dem" in report.file("docs/index.html").read_text()
    assert {"terrain.png", "elevations.png", "results.json"} <= set(report.names)


def test_a_failing_dem_ends_the_task_and_its_page_says_why(
    run_task, region, dem, rolling, file_store
) -> None:
    rolling[20:60] = 0.0
    rolling[100:] = np.nan
    subject = dem(rolling)
    with pytest.raises(
        BadData, match=r"elevation: expected at least 99 %, found 71\.88 %.*rows of zeros"
    ) as raised:
        run_task("validate", {"subject": subject}, {"region": "here"}, region())
    assert raised.value.exit_code == 65
    manifest = failed(file_store)
    assert manifest.properties["verdict"]["passed"] is False
    assert {c["name"] for c in manifest.properties["checks"] if not c["passed"]} >= {"zero_runs", "flat"}
    assert "index.html" in manifest.files


def test_a_region_may_ask_for_less(run_task, region, dem, rolling, file_store) -> None:
    rolling[:, :50] = np.nan
    subject = dem(rolling)
    lenient = region("[validation.dem]\nvalid_share_min = 0.5\n")
    assert run_task("validate", {"subject": subject}, {"region": "here"}, lenient).properties["verdict"][
        "passed"
    ]


def inventory(make_artifact: Callable[..., str], tmp_path: Path, targets: list[str]) -> str:
    shapes = [shapely.box(100 * n, 100 * n, 100 * n + 50, 100 * n + 50) for n in range(1, len(targets) + 1)]
    columns = {
        "id": [str(n) for n in range(len(targets))],
        "target": targets,
        "source": [SCRIPT] * len(targets),
    }
    gpd.GeoDataFrame(
        {**columns, "landslide_id": columns["id"]}, geometry=shapes, crs="EPSG:32610"
    ).to_parquet(tmp_path / "inventory.parquet")
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1280, 1280)], crs="EPSG:32610").to_parquet(
        tmp_path / "extent.parquet"
    )
    changes = {"targets": {target: {"read": 5, "duplicates": 2} for target in targets}}
    files = {name: tmp_path / name for name in ("inventory.parquet", "extent.parquet")}
    return make_artifact(
        "inventory", {**files, "changes.json": json.dumps(changes).encode()}, {"region": "here"}
    )


def test_an_inventory_is_drawn_over_the_terrain(
    run_task, region, dem, rolling, make_artifact, tmp_path
) -> None:
    takes = {
        "subject": inventory(make_artifact, tmp_path, ["scarps", "scarps", "deposits"]),
        "backdrop": dem(rolling),
    }
    report = run_task("validate", takes, {"region": "here"}, region())
    assert report.kind == "inventory-report"
    assert {"inventory.png", "areas.png"} <= set(report.names)
    assert "scarps 2, deposits 1" in report.file("index.html").read_text().replace(
        "deposits 1, scarps 2", "scarps 2, deposits 1"
    )


def test_an_inventory_without_one_of_its_targets_fails(run_task, region, make_artifact, tmp_path) -> None:
    subject = inventory(make_artifact, tmp_path, [SCRIPT])
    with pytest.raises(BadData, match="Targets: expected exactly deposits, scarps"):
        run_task("validate", {"subject": subject}, {"region": "here"}, region())


def test_mask_tiles_without_landslides_in_test_fail(run_task, region, make_artifact, tmp_path) -> None:
    tiles = np.zeros((3, 8, 8), np.uint8)
    tiles[:2, 0] = 1
    np.save(tmp_path / "tiles.npy", tiles)
    index = pd.DataFrame(
        {"tile": range(3), "row": 0, "col": range(3), "split": ["train", "validation", "test"]}
    )
    index["positive_share"] = [0.125, 0.125, 0]
    index.to_csv(tmp_path / "index.csv", index=False)
    files = {name: tmp_path / name for name in ("tiles.npy", "index.csv")}
    with pytest.raises(BadData, match=r"Landslide cells: expected at least 1, found .*test 0"):
        run_task("validate", {"subject": make_artifact("mask-tiles", files)}, {"region": "here"}, region())


def test_a_stack_with_a_constant_band_fails(run_task, region, make_artifact, rolling, tmp_path) -> None:
    grid = Grid("EPSG:32610", 0.0, 1280.0, 10.0, 128, 128)
    stack = np.stack([rolling[8:-8, 8:-8] - 480, np.ones((128, 128), np.float32)])
    bands = ["slope", "curvature"]
    raster = write_cog(tmp_path / "stack.tif", grid, [Part(0, 0, stack)], bands=bands)
    subject = make_artifact(
        "stack", {"stack.tif": tmp_path / "stack.tif"}, {**raster, "units": {"slope": "deg"}}
    )
    with pytest.raises(
        BadData,
        match=r"Values no such band can have.*band varies: expected yes, found slope yes, curvature no",
    ):
        run_task("validate", {"subject": subject}, {"region": "here"}, region())

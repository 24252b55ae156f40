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
from tasks.job import Artifact
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
    assert "12 of 12 checks passed" in page
    assert SCRIPT not in page
    assert "<b>n38w123" not in page
    docs = [name for name in report.names if name.startswith("docs/") and name.endswith(".html")]
    assert "docs/index.html" in docs
    assert any("/validations/" in name for name in docs)
    assert not any("__none__" in name for name in report.names)
    assert "here.dem" in report.file("docs/index.html").read_text()
    assert {"terrain.png", "elevations.png", "results.json"} <= set(report.names)


@pytest.mark.parametrize(
    ("height", "found"), [(0.0, {"zero_runs", "flat", "relief"}), (300.0, {"flat", "relief"})]
)
def test_a_dem_of_one_height_is_refused(run_task, region, dem, rolling, file_store, height, found) -> None:
    """Filled with zeros, or constant: nothing to learn from, whatever the file's format says of it."""
    with pytest.raises(BadData, match="Highest less lowest: expected at least 1 m, found 0 m"):
        run_task("validate", {"subject": dem(np.full_like(rolling, height))}, {"region": "here"}, region())
    checks = failed(file_store).properties["checks"]
    assert {check["name"] for check in checks if not check["passed"]} == found


def test_a_failing_dem_ends_the_task_and_its_page_says_why(
    run_task, region, dem, rolling, file_store, tmp_path
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
    assert {"index.html", "where.png"} <= set(manifest.files)
    page = Artifact(file_store, manifest, tmp_path / "failed").file("index.html").read_text()
    assert "the 4 worst of 4 blocks" in page  # 64 cells each: the zeros reach two, the hole the other two
    assert "<td>320</td><td>960</td>" in page  # easting and northing of the north-western block's centre


def test_a_region_may_ask_for_less(run_task, region, dem, rolling, file_store) -> None:
    rolling[:, :50] = np.nan
    subject = dem(rolling)
    lenient = region("[validation.dem]\nvalid_share_min = 0.5\n")
    assert run_task("validate", {"subject": subject}, {"region": "here"}, lenient).properties["verdict"][
        "passed"
    ]


def inventory(make_artifact: Callable[..., str], tmp_path: Path, targets: list[str], ref: str = "") -> str:
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
        "inventory", {**files, "changes.json": json.dumps(changes).encode()}, {"region": "here"}, ref
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
    assert "deposits 1, scarps 2" in report.file("index.html").read_text()


def test_an_inventory_without_one_of_its_targets_fails(run_task, region, make_artifact, tmp_path) -> None:
    subject = inventory(make_artifact, tmp_path, [SCRIPT])
    with pytest.raises(BadData, match="Targets: expected exactly deposits, scarps"):
        run_task("validate", {"subject": subject}, {"region": "here"}, region())


def test_mask_tiles_without_landslides_in_test_fail(run_task, region, make_artifact, tmp_path) -> None:
    tiles = np.zeros((3, 8, 8), np.uint8)
    tiles[:2, 0] = 1
    np.save(tmp_path / "tiles.npy", tiles)
    index = pd.DataFrame(
        {"tile": range(3), "row_px": 0, "col_px": range(0, 24, 8), "split": ["train", "validation", "test"]}
    )
    index = index.assign(block_row=0, block_col=range(3), extra=False, positive_share=[0.125, 0.125, 0])
    index.to_parquet(tmp_path / "index.parquet")
    files = {name: tmp_path / name for name in ("tiles.npy", "index.parquet")}
    properties = {"tile_px": 8, "block_tiles": 1, "buffer_px": 0}
    subject = make_artifact("mask-tiles", files, properties)
    with pytest.raises(BadData, match=r"Landslide cells: expected at least 1, found .*test 0"):
        run_task("validate", {"subject": subject}, {"region": "here"}, region())


def test_tiles_of_a_region_held_out_are_one_split_and_pass(run_task, region, toy_tiles) -> None:
    refs = toy_tiles(hold_out="test")
    for kind in ("stacks", "masks"):
        report = run_task("validate", {"subject": refs[kind]}, {"region": "here"}, region())
        assert report.properties["verdict"]["passed"]
        (row,) = json.loads(report.file("results.json").read_text())["rows"]
        assert (row["item"], row["tiles"]) == ("test", 64)


def test_overlapping_tiles_change_no_figure_of_a_split(run_task, region, toy_tiles) -> None:
    rows = []
    for overlap_px in (0, 16):
        report = run_task(
            "validate",
            {"subject": toy_tiles(overlap_px=overlap_px)["masks"]},
            {"region": "here"},
            region(),
        )
        rows.append(json.loads(report.file("results.json").read_text())["rows"])
    assert [row["item"] for row in rows[0]] == ["train", "validation", "test"]
    assert all(row["leakage_px"] >= 23 for row in rows[0])
    assert rows[0] == rows[1]


def test_a_base_rate_far_from_that_of_the_accepted_tiles_is_held_back(
    run_task, region, toy_tiles, make_artifact, taken
) -> None:
    subject = toy_tiles(hold_out="test")["masks"]
    tiles = taken(subject)
    rates = {"test": tiles.properties["base_rate"]["test"] / 5}
    accepted = make_artifact("mask-tiles", {"none": b""}, {**tiles.properties, "base_rate": rates})
    with pytest.raises(BadData, match=r"Change of the landslide share .* found 400 %"):
        run_task("validate", {"subject": subject, "baseline": accepted}, {"region": "here"}, region())


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


def test_an_inventory_that_shrank_is_held_back_until_a_person_accepts_it(
    run_task, region, make_artifact, tmp_path, file_store
) -> None:
    accepted = inventory(
        make_artifact, tmp_path, ["scarps", "scarps", "deposits", "scarps"], "regions/here/inputs"
    )
    subject = inventory(make_artifact, tmp_path, ["scarps", "deposits"])
    takes, given = {"subject": subject, "baseline": accepted}, {"region": "here"}
    with pytest.raises(
        BadData, match=r"expected at most 20 %, found .*66\.67 %; .*accept it in the ingest form"
    ):
        run_task("validate", takes, given, region())
    held = failed(file_store)
    assert {"differences.json", "differences.parquet", "differences.png"} <= set(held.files)
    why = {"reason": f"the survey withdrew them {SCRIPT}", "by": "geologist"}
    run_task("waive", {"subject": subject}, {**given, **why}, region())
    report = run_task("validate", {**takes, "waiver": "runs/test/run/waive-waiver"}, given, region())
    assert report.properties["verdict"] == {"passed": True, "reasons": []}
    assert report.properties["waived"] == {**why, "checks": ["shrank"]}
    page = report.file("index.html").read_text()
    assert "geologist accepted what failed" in page
    assert SCRIPT not in page
    counts = json.loads(report.file("differences.json").read_text())["targets"]["scarps"]
    assert (counts["before"], counts["after"], counts["removed"]) == (3, 1, 2)
    changed = gpd.read_parquet(report.file("differences.parquet"))
    assert changed["change"].value_counts().to_dict() == {"removed": 3, "added": 1}  # ids are a target's own


def test_a_dem_that_differs_from_the_accepted_one_is_held_back(run_task, region, dem, rolling) -> None:
    accepted = dem(rolling)
    document = {"subject": dem(rolling + 60), "baseline": accepted}
    with pytest.raises(BadData, match=r"population stability index.*: expected at most 0\.25"):
        run_task("validate", document, {"region": "here"}, region())


def test_layers_are_judged_and_their_text_is_shown_escaped(
    run_task, region, make_artifact, rolling, tmp_path
) -> None:
    grid = Grid("EPSG:32610", 0.0, 1280.0, 10.0, 128, 128).padded(8)
    raster = write_cog(tmp_path / "rain.tif", grid, [Part(0, 0, rolling)], bands=["rain"])
    codes = np.where(rolling > 500, 1, 2).astype(np.uint16)
    write_cog(tmp_path / "soil.tif", grid, [Part(0, 0, codes)], bands=["soil"], dtype="uint16", nodata=0)
    layers = {
        "rain": {"type": "continuous", "units": "mm/a"},
        "soil": {"type": "categorical", "classes": [SCRIPT, "sand", "peat"]},
    }
    files = {f"{name}.tif": tmp_path / f"{name}.tif" for name in layers}
    subject = make_artifact("layers", files, {**raster, "region": "here", "layers": layers})
    report = run_task("validate", {"subject": subject}, {"region": "here"}, region())
    assert report.kind == "layers-report"
    assert report.properties["warnings"] == [
        "Listed classes that the region does not have: expected at most 0, found soil 1"
    ]
    page = report.file("index.html").read_text()
    assert "not seen: peat" in page
    assert SCRIPT not in page


def test_the_real_region_passes_by_the_default_limits(run_task, shared_data, monkeypatch) -> None:
    monkeypatch.setenv("PIPELINE_DATA", str(shared_data))
    given = {"region": "balakot"}
    run_task("ingest_dem", {}, given)
    run_task("ingest_inventory", {}, given)
    dem, inventory = "runs/test/run/ingest_dem-dem", "runs/test/run/ingest_inventory-inventory"
    for takes in ({"subject": dem}, {"subject": inventory, "backdrop": dem}):
        report = run_task("validate", takes, given)
        assert report.properties["verdict"]["passed"]
        assert sum(entry.size for entry in report.manifest.files.values()) < 4e6

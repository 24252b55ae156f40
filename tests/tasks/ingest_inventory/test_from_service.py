"""The whole task against the stand-in map service, which pages by 100."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from infra.sample.edit import grow
from infra.sample.folder import INVENTORY, read_layers, write_layers
from infra.sample.service import SERVICES, Service

LEFT, BOTTOM = 563200.0, 4190080.0
TARGETS = {"scarps": "Landslide (Source/Scarp)", "deposits": "Landslide (Deposit)"}
TABLE = {
    "source": "arcgis",
    "extent_layer": "Mapped extent",
    "where": "superseded <> 'Y'",
    "id_field": "OBJECTID",
    "landslide_field": "ls_id",
}


def squares(count: int, shift: float, side: float) -> gpd.GeoDataFrame:
    """So many squares inside the region, one superseded, and one outside."""
    at = [(40.0 * (n % 15) + shift, 40.0 * (n // 15)) for n in range(count)] + [(9000.0, 9000.0)]
    shapes = [shapely.box(LEFT + x, BOTTOM + y, LEFT + x + side, BOTTOM + y + side) for x, y in at]
    columns = {
        "OBJECTID": np.arange(1, count + 2),
        "ls_id": [f"slide{n}" for n in range(count + 1)],
        "superseded": ["Y"] + ["N"] * count,
        "confidence": "d",
        "last_edited_date": 1_700_000_000_000 + np.arange(count + 1),
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:32610")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sample folder with 150 deposits and 20 scarps."""
    extent = gpd.GeoDataFrame(
        {"OBJECTID": [1]}, geometry=[shapely.box(LEFT, BOTTOM, LEFT + 640, BOTTOM + 1280)]
    )
    path = tmp_path / "sample"
    path.mkdir()
    layers = {
        "scarps": squares(20, 5, 10),
        "deposits": squares(150, 0, 20),
        "extent": extent.set_crs("EPSG:32610"),
    }
    write_layers(path / INVENTORY, {**layers, "confusers": squares(1, 0, 5)})
    return path


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    server = Service(folder)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}{SERVICES}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def ingest(run_task: Any, region: Any, url: str) -> Any:
    def go(kind: str = "MapServer", targets: Any = TARGETS, **table: Any) -> Any:
        config = region(targets, **{**TABLE, "url": f"{url}/{kind}", **table})
        return run_task("ingest_inventory", {}, {"region": "here"}, config)

    return go


@pytest.mark.parametrize("kind", ["MapServer", "FeatureServer"])
def test_all_pages_of_all_layers_arrive(ingest: Any, kind: str) -> None:
    artifact = ingest(kind)
    assert artifact.properties["counts"] == {"scarps": 19, "deposits": 149}
    assert artifact.properties["cleaned"]["left_out"] == 2
    table = gpd.read_parquet(artifact.file("inventory.parquet"))
    assert table[table["target"] == "deposits"].area.sum() == pytest.approx(149 * 400, rel=1e-3)
    assert gpd.read_parquet(artifact.file("extent.parquet")).area.sum() == pytest.approx(640 * 1280, rel=1e-4)
    both = table[table["landslide_id"] == "slide7"]
    assert list(both["target"]) == ["deposits", "scarps"]
    assert json.loads(both["source"].iloc[0]) == {
        "OBJECTID": 8,
        "confidence": "d",
        "ls_id": "slide7",
        "superseded": "N",
    }


def test_an_unchanged_inventory_is_not_made_again(ingest: Any) -> None:
    assert ingest().key == ingest().key


def test_a_later_edit_date_alone_changes_no_byte(ingest: Any, folder: Path) -> None:
    before = ingest()
    layers = read_layers(folder / INVENTORY)
    layers["deposits"]["last_edited_date"] += 1000
    write_layers(folder / INVENTORY, layers)
    after = ingest()
    assert after.key != before.key
    assert after.digest == before.digest


def test_an_edited_polygon_changes_the_digest(ingest: Any, folder: Path) -> None:
    before = ingest()
    grow(folder, "deposits", 30, 5.0, 1_800_000_000_000)
    assert ingest().digest != before.digest


def test_a_deleted_polygon_is_noticed_although_no_edit_date_changes(ingest: Any, folder: Path) -> None:
    before = ingest()
    layers = read_layers(folder / INVENTORY)
    layers["deposits"] = layers["deposits"].drop(index=50)
    write_layers(folder / INVENTORY, layers)
    after = ingest()
    assert after.key != before.key
    assert after.properties["counts"]["deposits"] == before.properties["counts"]["deposits"] - 1


def test_targets_are_layers_by_number_and_features_by_attribute(ingest: Any, folder: Path) -> None:
    layers = read_layers(folder / INVENTORY)
    layers["deposits"].loc[:9, "confidence"] = "q"
    write_layers(folder / INVENTORY, layers)
    targets = {
        "sure": {"layer": "Landslide (Deposit)", "where": "confidence = 'd'"},
        "scarps": 3,
        "doubtful": {"layer": 6, "where": "confidence = 'q'"},
    }
    artifact = ingest("FeatureServer", targets=targets)
    assert artifact.properties["counts"] == {"doubtful": 9, "scarps": 19, "sure": 140}
    assert artifact.properties["cleaned"]["left_out"] == 2  # superseded, not those of the other target


def test_a_service_and_a_file_of_it_hold_the_same_inventory(
    ingest: Any, run_task: Any, region: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_DATA", str(folder))
    layers = {"targets": {"scarps": "scarps", "deposits": "deposits"}, "extent_layer": "extent"}
    from_file = run_task(
        "ingest_inventory",
        {},
        {"region": "here"},
        region(**{**TABLE, **layers, "source": "file", "path": INVENTORY}),
    )
    tables = [gpd.read_parquet(one.file("inventory.parquet")) for one in (ingest(), from_file)]
    for name in ("id", "landslide_id", "target", "source"):
        assert tables[0][name].equals(tables[1][name]), name
    assert tables[0].symmetric_difference(tables[1]).area.max() < 0.01


def test_a_date_of_the_service_is_kept_and_others_are_not(ingest: Any) -> None:
    artifact = ingest(date_field="last_edited_date")
    table = gpd.read_parquet(artifact.file("inventory.parquet"))
    assert set(table["date"]) == {"2023-11-14"}
    assert artifact.properties["dated"] == {"scarps": 19, "deposits": 149}
    assert "last_edited_date" not in table["source"][0]


def test_the_confidence_of_the_service_is_a_column_and_changes_no_other(ingest: Any) -> None:
    tables = [
        gpd.read_parquet(ingest(**asked).file("inventory.parquet"))
        for asked in ({}, {"confidence_field": "confidence"})
    ]
    assert set(tables[1]["confidence"]) == {"d"}
    assert tables[1].drop(columns="confidence").equals(tables[0])


def test_a_where_may_be_longer_than_a_web_address(ingest: Any) -> None:
    where = " AND ".join(f"OBJECTID <> {n}" for n in range(9000, 9150))
    assert ingest(where=where).properties["counts"] == {"scarps": 20, "deposits": 150}

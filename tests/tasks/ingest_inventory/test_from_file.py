"""The whole task on files, kind and unkind."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from tasks.contract.errors import BadData, InvalidParams

TARGETS = {"scarps": "scarps"}
FILE = {"source": "file", "path": "slides.gpkg", "extent": "bounds"}


def ingest(run_task: Any, config: Any) -> Any:
    return run_task("ingest_inventory", {}, {"region": "here"}, config)


def test_polygons_that_meet_the_region_are_kept_with_their_ids(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    settings = {**FILE, "id_field": "OBJECTID", "landslide_field": "ls_id", "where": "superseded <> 'Y'"}
    artifact = ingest(run_task, region(TARGETS, **settings))
    table = gpd.read_parquet(artifact.file("inventory.parquet"))
    assert list(table.columns) == ["id", "landslide_id", "target", "source", "geometry"]
    assert list(zip(table["id"], table["landslide_id"], strict=True)) == [("3", "3"), ("4", "b"), ("5", "a")]
    assert json.loads(table["source"][0]) == {"OBJECTID": 3, "superseded": "N"}
    assert artifact.properties["counts"] == {"scarps": 3}
    assert artifact.properties["areas_m2"] == {"scarps": 3 * 2500.0}
    assert artifact.properties["cleaned"] == {
        "read": 4,
        "empty": 0,
        "z_removed": 0,
        "repaired": 0,
        "duplicates": 0,
        "outside": 1,
        "kept": 3,
        "left_out": 1,
    }


@pytest.mark.parametrize("name", ["slides.gpkg", "slides.geojson", "slides.shp", "slides.zip"])
def test_every_format_gives_the_same_polygons(run_task, region, data, slides, name: str) -> None:
    if name == "slides.zip":
        slides.to_file(data / "slides.shp")
        with zipfile.ZipFile(data / name, "w") as archive:
            for part in data.glob("slides.*"):
                if part.suffix != ".zip":
                    archive.write(part, f"inner/{part.name}")
    elif name == "slides.geojson":
        slides.to_crs("EPSG:4326").to_file(data / name)
    else:
        slides.to_file(data / name)
    table = gpd.read_parquet(
        ingest(run_task, region({"scarps": "slides"}, **{**FILE, "path": name, "id_field": "OBJECTID"})).file(
            "inventory.parquet"
        )
    )
    expected = slides.set_index("OBJECTID").geometry
    assert list(table["id"]) == ["1", "3", "4", "5"]
    for one, shape in zip(table["id"], table.geometry, strict=True):
        assert shape.symmetric_difference(expected[int(one)]).area < 0.1
    assert table.crs.to_epsg() == 32610


def test_the_same_content_in_another_order_has_the_same_digest(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    first = ingest(run_task, region(TARGETS, **FILE))
    slides["last_edited_date"] = gpd.pd.Timestamp("2025-01-01")
    slides.iloc[::-1].to_file(data / "slides.gpkg", layer="scarps")
    second = ingest(run_task, region(TARGETS, **FILE))
    assert first.key != second.key
    assert first.digest == second.digest


def test_one_corner_moved_changes_the_digest(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    first = ingest(run_task, region(TARGETS, **FILE))
    slides.loc[0, "geometry"] = shapely.union(
        slides.geometry[0], shapely.box(563300, 4190180, 563301, 4190231)
    )
    slides.to_file(data / "slides.gpkg", layer="scarps")
    assert ingest(run_task, region(TARGETS, **FILE)).digest != first.digest


def test_the_mapped_extent_is_cut_to_the_region(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    west_half = gpd.GeoDataFrame(geometry=[shapely.box(563000, 4190000, 563840, 4192000)], crs=slides.crs)
    west_half.to_crs("EPSG:4326").to_file(data / "mapped.geojson")
    table = {**FILE, "extent": "", "extent_path": "mapped.geojson"}
    artifact = ingest(run_task, region(TARGETS, **table))
    assert gpd.read_parquet(artifact.file("extent.parquet")).area.sum() == pytest.approx(640 * 1280, rel=1e-4)


def test_a_region_must_say_what_was_mapped(run_task, region) -> None:
    with pytest.raises(InvalidParams, match="what was mapped"):
        ingest(run_task, region(TARGETS, source="file", path="slides.gpkg"))


def test_a_file_without_a_crs_is_refused(run_task, region, data, slides) -> None:
    slides.set_crs(None, allow_override=True).to_file(data / "slides.gpkg", layer="scarps")
    with pytest.raises(BadData, match="coordinate reference system"):
        ingest(run_task, region(TARGETS, **FILE))


def test_swapped_axes_are_refused(run_task, region, data, slides) -> None:
    degrees = slides.to_crs("EPSG:4326")
    degrees.geometry = shapely.transform(degrees.geometry.array, lambda xy: xy[:, ::-1])
    degrees.to_file(data / "slides.gpkg", layer="scarps")
    with pytest.raises(BadData, match=r"axes|polygon with an area"):
        ingest(run_task, region(TARGETS, **FILE))


def test_a_layer_that_is_not_there_is_named_with_those_that_are(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="other")
    with pytest.raises(BadData, match=r"no layer 'scarps'.*'other'"):
        ingest(run_task, region(TARGETS, **FILE))


def test_points_are_not_an_inventory(run_task, region, data, slides) -> None:
    slides.set_geometry(slides.centroid).to_file(data / "slides.gpkg", layer="scarps")
    with pytest.raises(BadData, match="polygon with an area"):
        ingest(run_task, region(TARGETS, **FILE))


def test_a_where_that_is_no_sql_is_refused(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    with pytest.raises(BadData, match="nonsense"):
        ingest(run_task, region(TARGETS, **FILE, where="nonsense ="))


def test_a_vrt_named_gpkg_is_not_opened(run_task, region, data) -> None:
    (data / "slides.gpkg").write_text("<OGRVRTDataSource><OGRVRTLayer name='scarps'/></OGRVRTDataSource>")
    with pytest.raises(BadData, match="no GeoPackage"):
        ingest(run_task, region(TARGETS, **FILE))


def test_a_zip_of_two_inventories_is_refused(run_task, region, data, slides) -> None:
    with zipfile.ZipFile(data / "two.zip", "w") as archive:
        archive.writestr("a.shp", "x")
        archive.writestr("b.shp", "x")
    with pytest.raises(BadData, match="one data set"):
        ingest(run_task, region(TARGETS, **{**FILE, "path": "two.zip"}))


def test_a_zip_cannot_write_outside_its_folder(run_task, region, data, tmp_path: Path, slides) -> None:
    slides.to_file(tmp_path / "evil.gpkg", layer="scarps")
    with zipfile.ZipFile(data / "slip.zip", "w") as archive:
        archive.write(tmp_path / "evil.gpkg", "../../../../evil-came-out.gpkg")
    table = ingest(run_task, region(TARGETS, **{**FILE, "path": "slip.zip"}))
    assert table.properties["counts"] == {"scarps": 4}
    assert not list(Path(tmp_path).parent.rglob("evil-came-out.gpkg"))


def test_the_published_balakot_inventory_has_one_invalid_shape_and_duplicates(
    run_task, region, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_DATA", str(shared_data))
    config = region(
        {"landslides": "landslides"},
        bounds=(339200, 3827800, 362880, 3846720),
        crs="EPSG:32643",
        source="file",
        path="balakot/landslides.gpkg",
        extent="bounds",
    )
    artifact = ingest(run_task, config)
    cleaned = artifact.properties["cleaned"]
    assert (cleaned["read"], cleaned["repaired"], cleaned["empty"]) == (2289, 1, 0)
    assert cleaned["duplicates"] > 0
    assert cleaned["kept"] + cleaned["duplicates"] + cleaned["outside"] == 2289

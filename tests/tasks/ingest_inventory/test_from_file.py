"""The whole task on files, kind and unkind."""

from __future__ import annotations

import json
import struct
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
    assert list(table.columns) == ["id", "landslide_id", "target", "date", "source", "geometry"]
    assert list(zip(table["id"], table["landslide_id"], strict=True)) == [("3", "3"), ("4", "b"), ("5", "a")]
    assert json.loads(table["source"][0]) == {"OBJECTID": 3, "superseded": "N"}
    assert artifact.properties["counts"] == {"scarps": 3}
    assert artifact.properties["areas_m2"] == {"scarps": 3 * 2500.0}
    assert artifact.properties["cleaned"] == {
        "read": 4,
        "empty": 0,
        "z_removed": 0,
        "repaired": 0,
        "slivers": 0,
        "duplicates": 0,
        "outside": 1,
        "kept": 3,
        "left_out": 1,
    }


@pytest.mark.parametrize(
    "name", ["slides.gpkg", "slides.geojson", "slides.shp", "slides.zip", "slides.parquet"]
)
def test_every_format_gives_the_same_polygons(run_task, region, data, slides, name: str) -> None:
    if name == "slides.zip":
        slides.to_file(data / "slides.shp")
        with zipfile.ZipFile(data / name, "w") as archive:
            for part in data.glob("slides.*"):
                if part.suffix != ".zip":
                    archive.write(part, f"inner/{part.name}")
    elif name == "slides.geojson":
        slides.to_crs("EPSG:4326").to_file(data / name)
    elif name == "slides.parquet":
        slides.to_parquet(data / name)
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


def test_an_index_of_quadrangles_says_which_were_mapped(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    quadrangles = [shapely.box(563200 + x, 4190080, 563520 + x, 4191360) for x in (0, 320, 640)]
    index = gpd.GeoDataFrame({"status": ["done", "planned", "done"]}, geometry=quadrangles, crs=slides.crs)
    index.to_file(data / "slides.gpkg", layer="index")
    chosen = {**FILE, "extent": "", "extent_layer": "index", "extent_where": "status = 'done'"}
    artifact = ingest(run_task, region(TARGETS, **chosen))
    assert artifact.properties["mapped_m2"] == 2 * 320 * 1280


def test_one_layer_feeds_two_targets_by_attribute(run_task, region, data, slides) -> None:
    slides["kind"] = ["scarp", "deposit", "scarp", "scarp", "deposit"]
    slides.to_file(data / "slides.gpkg")
    targets = {
        "scarps": {"where": "kind = 'scarp'"},
        "deposits": {"layer": "slides", "where": "kind = 'deposit'"},
    }
    artifact = ingest(run_task, region(targets, **FILE, where="superseded <> 'Y'", id_field="OBJECTID"))
    table = gpd.read_parquet(artifact.file("inventory.parquet"))
    assert list(zip(table["target"], table["id"], strict=True)) == [
        ("deposits", "4"),
        ("scarps", "3"),
        ("scarps", "5"),
    ]
    assert artifact.properties["cleaned"]["left_out"] == 1


def test_either_half_of_two_wheres_alone_is_not_enough(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg")
    either = {"slides": {"where": "OBJECTID = 5 OR OBJECTID = 1"}}
    artifact = ingest(run_task, region(either, **FILE, where="superseded = 'N' OR ls_id = 'a'"))
    assert artifact.properties["counts"] == {"slides": 1}


def test_a_target_says_what_it_may_be_made_of(run_task, region) -> None:
    with pytest.raises(InvalidParams, match=r"scarps must be a layer or \{layer"):
        ingest(run_task, region({"scarps": {"wher": "x"}}, **FILE))


def test_dates_are_kept_as_far_as_they_are_known(run_task, region, data, slides) -> None:
    slides["moved"] = ["1996/11/01 00:00:00.000", "2005", " ", "2005-10-08", "sometime"]
    slides.to_file(data / "slides.gpkg", layer="scarps")
    artifact = ingest(run_task, region(TARGETS, **FILE, id_field="OBJECTID", date_field="moved"))
    table = gpd.read_parquet(artifact.file("inventory.parquet")).set_index("id")["date"]
    assert dict(table.dropna()) == {"4": "2005", "5": "1996-11-01"}
    assert artifact.properties["dated"] == {"scarps": 2}


def test_how_sure_the_mapper_was_is_kept_as_it_was_written(run_task, region, data, slides) -> None:
    slides["sure"] = ["definite", " q ", " ", None, "d"]
    slides["grade"] = [1.0, 2.0, None, 3.0, 3.0]
    slides.to_file(data / "slides.gpkg", layer="scarps")
    for field, expected in (
        ("sure", {"5": "definite", "4": "q", "1": "d"}),
        ("grade", {"5": "1", "4": "2", "1": "3"}),
    ):
        artifact = ingest(run_task, region(TARGETS, **FILE, id_field="OBJECTID", confidence_field=field))
        table = gpd.read_parquet(artifact.file("inventory.parquet")).set_index("id")
        assert list(table.columns) == ["landslide_id", "target", "date", "confidence", "source", "geometry"]
        assert dict(table["confidence"].dropna()) == expected


def test_an_inventory_that_is_not_asked_for_confidence_has_none(run_task, region, data, slides) -> None:
    slides["confidence"] = "d"
    slides.to_file(data / "slides.gpkg", layer="scarps")
    table = gpd.read_parquet(ingest(run_task, region(TARGETS, **FILE)).file("inventory.parquet"))
    assert "confidence" not in table
    assert json.loads(table["source"][0])["confidence"] == "d"


@pytest.mark.parametrize("field", ["id_field", "landslide_field", "date_field", "confidence_field"])
def test_a_field_that_is_not_there_is_refused_with_those_that_are(
    run_task, region, data, slides, field: str
) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    with pytest.raises(BadData, match="no field 'sureness'; there are OBJECTID, ls_id"):
        ingest(run_task, region(TARGETS, **FILE, **{field: "sureness"}))


def test_an_edited_attribute_changes_the_digest_and_no_shape(run_task, region, data, slides) -> None:
    config = region(TARGETS, **FILE)
    slides.to_file(data / "slides.gpkg", layer="scarps")
    before = ingest(run_task, config)
    slides.loc[0, "superseded"] = "?"
    slides.to_file(data / "slides.gpkg", layer="scarps")
    after = ingest(run_task, config)
    assert after.digest != before.digest
    shapes = [
        gpd.read_parquet(one.file("inventory.parquet"))[["id", "geometry"]].to_wkb()
        for one in (before, after)
    ]
    assert shapes[0].equals(shapes[1])


@pytest.mark.parametrize(("where", "left_out"), [("", 0), ("superseded = 'never'", 5)])
def test_an_empty_inventory_is_refused(run_task, region, data, slides, where: str, left_out: int) -> None:
    (slides if where else slides[:0]).to_file(data / "slides.gpkg", layer="scarps")
    with pytest.raises(BadData, match=f"inventory of region here is empty.*left out {left_out}"):
        ingest(run_task, region(TARGETS, **FILE, where=where))


def test_an_inventory_of_elsewhere_is_refused(run_task, region, data, slides) -> None:
    slides.translate(xoff=50_000).to_frame("geometry").to_file(data / "slides.gpkg", layer="scarps")
    with pytest.raises(BadData, match="none of 5 polygons meets its bounds"):
        ingest(run_task, region(TARGETS, **FILE))


def test_a_target_may_be_absent_where_another_is_not(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    slides[:0].to_file(data / "slides.gpkg", layer="deposits")
    artifact = ingest(run_task, region({**TARGETS, "deposits": "deposits"}, **FILE))
    assert artifact.properties["counts"] == {"scarps": 4, "deposits": 0}


def test_what_leads_gdal_elsewhere_is_refused(run_task, region, data) -> None:
    for path in ("/vsicurl/http://127.0.0.1/slides.gpkg", "../slides.gpkg", "file:///etc/passwd"):
        with pytest.raises(InvalidParams):
            ingest(run_task, region(TARGETS, **{**FILE, "path": path}))


def test_a_shapefile_without_its_index_is_refused(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.shp")
    (data / "slides.shx").unlink()
    with pytest.raises(BadData, match=r"lacks its \.shx"):
        ingest(run_task, region({"scarps": "slides"}, **{**FILE, "path": "slides.shp"}))


@pytest.mark.parametrize("name", ["slides.gpkg", "slides.parquet", "slides.geojson"])
def test_half_a_file_is_refused(run_task, region, data, slides, name: str) -> None:
    slides.to_parquet(data / name) if name.endswith("parquet") else slides.to_file(data / name)
    whole = (data / name).read_bytes()
    (data / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData):
        ingest(run_task, region({"scarps": "slides"}, **{**FILE, "path": name}))


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
    with pytest.raises(BadData, match="axes swapped: with x and y exchanged 4 of 5"):
        ingest(run_task, region(TARGETS, **FILE))


def test_a_layer_that_is_not_there_is_named_with_those_that_are(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="other")
    with pytest.raises(BadData, match=r"no layer 'scarps'.*'other'"):
        ingest(run_task, region(TARGETS, **FILE))


def test_a_ring_that_does_not_close_is_refused(run_task, region, data, slides) -> None:
    slides.to_file(data / "slides.gpkg", layer="scarps")
    ring = b"".join(struct.pack("<dd", *corner) for corner in slides.geometry[0].exterior.coords)
    content = (data / "slides.gpkg").read_bytes()
    assert content.count(ring) == 1
    (data / "slides.gpkg").write_bytes(
        content.replace(ring, ring[:-16] + struct.pack("<dd", 563250, 4190150))
    )
    with pytest.raises(BadData, match="do not form a closed"):
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
    assert cleaned["kept"] + cleaned["slivers"] + cleaned["duplicates"] + cleaned["outside"] == 2289


def test_the_points_of_the_usgs_inventory_are_refused(
    run_task, region, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_DATA", str(shared_data))
    path = "service-samples/usgs_landslide_inventory_geojson_recorded.json"
    with pytest.raises(BadData, match="none of 3 features is a polygon with an area"):
        ingest(run_task, region({"slides": {"where": "Confidence > 0"}}, **{**FILE, "path": path}))

"""ArcGIS answers, as recorded and as they may come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.contract.errors import BadData, SourceUnavailable
from tasks.ingest_inventory.arcgis import Feed, call, open_layer, pages, poll

URL = "http://gis.invalid/MapServer"
BOX = (0.0, 0.0, 1.0, 1.0)


def feed(**description: Any) -> Feed:
    return Feed(URL, 3, {"maxRecordCount": 2, **description}, BOX, 32610, "")


def service(layers: list[dict[str, Any]], counts: dict[int, int]) -> Any:
    """A service with these layers, that counts so many features in each."""

    def ask(url: str, query: Any) -> dict[str, Any]:
        number = url.removeprefix(URL).strip("/").split("/")[0]
        if "returnCountOnly" in query:
            return {"count": counts[int(number)]}
        return {"id": int(number)} if number else {"layers": layers}

    return ask


def test_of_two_layers_of_one_name_the_one_for_the_largest_scale_is_read(shared_data: Path) -> None:
    recorded = json.loads((shared_data / "service-samples/cgs_dc2_layers_and_fields.json").read_text())
    ask = service(recorded["layers"], dict.fromkeys(range(16), 12909))
    found = {
        name: open_layer(ask, URL, name, BOX, 32610, "").number
        for name in ("Landslide (Source/Scarp)", "Landslide (Deposit)", "Landslide (Single Feature)")
    }
    assert found == {
        "Landslide (Source/Scarp)": 12,
        "Landslide (Deposit)": 15,
        "Landslide (Single Feature)": 9,
    }


def test_a_layer_with_fewer_features_than_its_twin_is_refused_unless_named_by_number() -> None:
    twins = [{"id": 1, "name": "A", "maxScale": 300000}, {"id": 2, "name": "A", "maxScale": 0}]
    ask = service(twins, {1: 10, 2: 9})
    with pytest.raises(BadData, match="by its number"):
        open_layer(ask, URL, "A", BOX, 32610, "")
    assert open_layer(ask, URL, 2, BOX, 32610, "").number == 2


def test_a_layer_that_is_not_there_is_named_with_the_polygon_layers() -> None:
    layers = [
        {"id": 1, "name": "Scarps", "geometryType": "esriGeometryPoint"},
        {"id": 2, "name": "Slides", "geometryType": "esriGeometryPolygon"},
    ]
    with pytest.raises(BadData, match=r"no polygon layer 'Scarps'; it has \['Slides'\]"):
        open_layer(service(layers, {}), URL, "Scarps", BOX, 32610, "")


@pytest.mark.parametrize("place", ["root", "properties"])
def test_pages_go_on_while_the_limit_is_exceeded_wherever_that_is_said(place: str) -> None:
    rows = [{"attributes": {"OBJECTID": n}} for n in range(5)]

    def ask(url: str, query: Any) -> dict[str, Any]:
        start, size = query["resultOffset"], query["resultRecordCount"]
        more = {"exceededTransferLimit": start + size < len(rows)}
        return {"features": rows[start : start + size], **(more if place == "root" else {"properties": more})}

    read = [row for page in pages(ask, feed()) for row in page["features"]]
    assert read == rows


def test_a_server_that_knows_no_offset_is_asked_for_what_follows_the_last_id() -> None:
    rows = [{"attributes": {"OBJECTID": n}} for n in (3, 5, 8, 13, 21)]

    def ask(url: str, query: Any) -> dict[str, Any]:
        assert "resultOffset" not in query
        last = int(query["where"].partition("OBJECTID > ")[2].rstrip(")") or 0)
        left = [row for row in rows if row["attributes"]["OBJECTID"] > last]
        return {"features": left[:2], "exceededTransferLimit": len(left) > 2}

    old = feed(advancedQueryCapabilities={"supportsPagination": False})
    assert [row for page in pages(ask, old) for row in page["features"]] == rows


def test_a_server_that_repeats_its_first_page_is_refused_and_not_asked_for_ever() -> None:
    same = {"features": [{"attributes": {"OBJECTID": n}} for n in (1, 2)], "exceededTransferLimit": True}
    with pytest.raises(BadData, match="sends OBJECTID 1 again"):
        list(pages(lambda url, query: same, feed()))


def test_more_that_never_comes_is_worth_a_retry() -> None:
    with pytest.raises(SourceUnavailable, match="sends nothing"):
        list(pages(lambda url, query: {"features": [], "exceededTransferLimit": True}, feed()))


@pytest.mark.parametrize(
    ("code", "error"), [(400, BadData), (500, SourceUnavailable), (504, SourceUnavailable)]
)
def test_an_error_inside_an_answer_is_an_error(code: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="Unable to perform"):
        call(lambda url, query: {"error": {"code": code, "message": "Unable to perform query"}}, URL, {})


def test_the_recorded_edit_date_is_the_state_of_a_feature_service(shared_data: Path) -> None:
    recorded = json.loads((shared_data / "service-samples/arcgis_editinginfo_recorded.json").read_text())
    state = poll(lambda url, query: {"count": 7}, feed(**recorded))
    assert state == {"layer": 3, "count": 7, "edited": 1685990322999}


def test_a_layer_that_keeps_no_dates_is_polled_by_its_content() -> None:
    def ask(url: str, query: Any) -> dict[str, Any]:
        if "returnCountOnly" in query:
            return {"count": 1}
        return {"features": [{"attributes": {"OBJECTID": 1}, "geometry": {"rings": rings}}]}

    rings = [[[0, 0], [0, 1], [1, 1], [0, 0]]]
    before = poll(ask, feed())
    assert poll(ask, feed()) == before
    rings[0][2] = [2, 1]
    assert poll(ask, feed())["sha256"] != before["sha256"]

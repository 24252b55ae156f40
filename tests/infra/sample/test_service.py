from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import geopandas
import pytest
from shapely import LinearRing, box
from shapely.geometry import shape

from infra.sample.catalogue import DATASET
from infra.sample.edit import main as edit
from infra.sample.folder import metadata, read_layers
from infra.sample.service import SERVICES

MAP = f"{SERVICES}/MapServer"
DEPOSITS = 4


def get(url: str, headers: dict[str, str] | None = None, method: str = "GET", data: bytes | None = None):
    """Status, headers, body."""
    try:
        with urlopen(Request(url, data, headers or {}, method=method)) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        return error.code, error.headers, error.read()


def ask(url: str, **params: Any) -> dict[str, Any]:
    _, _, body = get(f"{url}?{urlencode({'f': 'json'} | params)}")
    return json.loads(body)


@pytest.fixture(scope="module")
def deposits(sample_folder) -> geopandas.GeoDataFrame:
    return read_layers(sample_folder / "inventory.gpkg")["deposits"]


@pytest.fixture(scope="module")
def query(base_url) -> str:
    return f"{base_url}{MAP}/{DEPOSITS}/query"


def test_health(base_url):
    assert ask(f"{base_url}/health")["status"] == "ok"
    assert get(f"{base_url}/etc/passwd")[0] == 404


class TestCatalogue:
    @pytest.fixture
    def items(self, base_url, sample_folder):
        (west, south, _, _), (_, _, east, north) = (
            p["bounds"] for p in metadata(sample_folder)["products"][::-1]
        )
        found = ask(
            f"{base_url}/tnm/api/v1/products",
            bbox=f"{west},{south},{east},{north}", datasets=DATASET, prodFormats="GeoTIFF",
        )  # fmt: skip
        assert found["total"] == 2
        return found["items"]

    def test_items_are_like_the_real_ones(self, items):
        for item in items:
            assert item["format"] == "GeoTIFF"
            assert item["downloadURL"].endswith(".tif")
            assert "synthetic" in item["title"]
            box = item["boundingBox"]
            assert box["minX"] < box["maxX"] < -122
            assert {"title", "sourceId", "publicationDate", "lastUpdated", "sizeInBytes"} <= set(item)

    def test_pages(self, base_url, items):
        pages = [ask(f"{base_url}/tnm/api/v1/products", max=1, offset=n)["items"] for n in (0, 1, 2)]
        assert [item for page in pages for item in page] == items

    def test_elsewhere_and_other_data_sets_have_none(self, base_url):
        assert ask(f"{base_url}/tnm/api/v1/products", bbox="10,40,11,41") == {
            **ask(f"{base_url}/tnm/api/v1/products", datasets="Digital Elevation Model (DEM) 1 meter"),
            "total": 0,
            "items": [],
        }

    def test_a_bad_box_is_refused(self, base_url):
        assert get(f"{base_url}/tnm/api/v1/products?bbox=west")[0] == 400


class TestDownload:
    @pytest.fixture
    def url(self, base_url):
        return ask(f"{base_url}/tnm/api/v1/products")["items"][0]["downloadURL"]

    def test_ranges_put_together_are_the_whole(self, url, sample_folder):
        status, headers, whole = get(url)
        assert status == 200
        assert whole == (sample_folder / url.rsplit("/", 1)[1]).read_bytes()
        assert int(headers["Content-Length"]) == len(whole)
        cut = len(whole) // 3
        parts = []
        for span in (f"0-{cut - 1}", f"{cut}-{2 * cut}", f"{2 * cut + 1}-"):
            status, headers, part = get(url, {"Range": f"bytes={span}", "If-Range": headers["ETag"]})
            assert status == 206
            assert headers["Content-Range"].endswith(f"/{len(whole)}")
            parts.append(part)
        assert b"".join(parts) == whole
        assert get(url, {"Range": "bytes=-10"})[2] == whole[-10:]

    def test_a_range_of_another_version_gets_the_whole(self, url):
        assert get(url, {"Range": "bytes=0-9", "If-Range": '"other"'})[0] == 200

    def test_a_range_beyond_the_end_is_416(self, url):
        status, headers, _ = get(url, {"Range": "bytes=999999999-"})
        assert status == 416
        assert headers["Content-Range"].startswith("bytes */")

    def test_unchanged_is_304_and_head_has_no_body(self, url):
        status, headers, body = get(url, method="HEAD")
        assert (status, body) == (200, b"")
        assert int(headers["Content-Length"]) > 0
        assert headers["Last-Modified"]
        assert get(url, {"If-None-Match": headers["ETag"]})[0] == 304

    def test_only_products_can_be_fetched(self, url):
        for name in ("inventory.gpkg", "../metadata.json", "%2e%2e/metadata.json"):
            assert get(url.rsplit("/", 1)[0] + "/" + name)[0] == 404


class TestLayers:
    def test_scarp_and_deposit_are_layers_each_twice(self, base_url):
        layers = ask(base_url + MAP)["layers"]
        polygons = [layer["name"] for layer in layers if layer["geometryType"] == "esriGeometryPolygon"]
        assert polygons.count("Landslide (Source/Scarp)") == 2
        assert polygons.count("Landslide (Deposit)") == 2
        assert polygons.count("Mapped extent") == 1

    def test_layer_description(self, base_url):
        found = ask(f"{base_url}{MAP}/{DEPOSITS}")
        assert {"OBJECTID", "ls_id", "confidence", "superseded", "last_edited_date"} <= {
            f["name"] for f in found["fields"]
        }
        assert found["maxRecordCount"] == 100
        assert "editingInfo" not in found
        assert found["advancedQueryCapabilities"]["supportsPagination"]


class TestQuery:
    @pytest.mark.parametrize("form", ["json", "geojson"])
    def test_pages_give_every_feature_once(self, query, deposits, form):
        seen, offset, more = [], 0, True
        while more:
            page = ask(
                query, f=form, where="1=1", outFields="*", orderByFields="OBJECTID",
                resultOffset=offset, resultRecordCount=30,
            )  # fmt: skip
            seen += [f.get("attributes", f.get("properties"))["OBJECTID"] for f in page["features"]]
            more = page.get("exceededTransferLimit") or page.get("properties", {}).get(
                "exceededTransferLimit", False
            )
            offset += 30
        assert seen == deposits["OBJECTID"].tolist()
        assert len(seen) > 60

    def test_counts_and_ids(self, query, deposits):
        assert ask(query, where="1=1", returnCountOnly="true") == {"count": len(deposits)}
        current = ask(query, where="superseded <> 'Y'", returnIdsOnly="true")["objectIds"]
        assert current == deposits["OBJECTID"][deposits["superseded"] == "N"].tolist()

    def test_geometry_comes_back_in_the_system_asked_for(self, query, deposits):
        metres = shape(ask(query, f="geojson", where="OBJECTID = 5", outSR=32610)["features"][0]["geometry"])
        assert metres.symmetric_difference(deposits.geometry[4]).area < 0.01
        degrees = shape(ask(query, f="geojson", where="OBJECTID = 5")["features"][0]["geometry"])
        assert -123 < degrees.centroid.x < -122
        assert 37 < degrees.centroid.y < 39

    def test_outer_rings_of_esri_json_run_clockwise(self, query):
        page = ask(query, where="1=1", outFields="OBJECTID")
        assert page["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
        assert all(not LinearRing(f["geometry"]["rings"][0]).is_ccw for f in page["features"])

    @pytest.mark.parametrize("as_json", [False, True])
    def test_envelope_gives_what_it_touches(self, query, deposits, as_json):
        left, bottom, right, _ = deposits.geometry[9].bounds
        around = (left - 900, bottom - 900, (left + right) / 2, bottom + 900)
        edges = dict(zip(("xmin", "ymin", "xmax", "ymax"), around, strict=True))
        as_text = ",".join(map(str, around))
        geometry = json.dumps({**edges, "spatialReference": {"wkid": 32610}}) if as_json else as_text
        reference = {} if as_json else {"inSR": 32610}
        found = ask(query, geometry=geometry, **reference, returnIdsOnly="true")["objectIds"]
        assert found == deposits["OBJECTID"][deposits.intersects(box(*around))].tolist()
        assert 10 in found
        assert len(found) < len(deposits)

    def test_latest_edit_by_statistics(self, query, deposits):
        asked = [
            {
                "statisticType": "max",
                "onStatisticField": "last_edited_date",
                "outStatisticFieldName": "latest",
            }
        ]
        found = ask(query, where="1=1", outStatistics=json.dumps(asked))
        assert found["features"][0]["attributes"] == {"latest": int(deposits["last_edited_date"].max())}

    def test_a_form_may_be_posted(self, query, deposits):
        _, _, body = get(query, method="POST", data=b"where=1%3D1&returnCountOnly=true&f=json")
        assert json.loads(body) == {"count": len(deposits)}

    @pytest.mark.parametrize(
        "params",
        [
            {"where": "1=1; DROP TABLE deposits"},
            {"where": "owner = 'me'"},
            {"outFields": "nothing"},
            {"orderByFields": "nothing"},
            {"geometry": "here"},
            {"geometry": "0,0,1,1", "inSR": "atlantis"},
            {"geometry": "0,0,1,1", "spatialRel": "esriSpatialRelTouches"},
            {"resultOffset": "-1"},
            {"f": "xml"},
            {"outStatistics": "[]x"},
        ],
    )
    def test_what_is_not_understood_is_an_esri_error(self, query, params):
        error = ask(query, **params)["error"]
        assert error["code"] == 400
        assert error["message"]

    def test_the_group_layer_has_no_features(self, base_url):
        assert ask(f"{base_url}{MAP}/0/query", where="1=1")["error"]["code"] == 400


class TestEdit:
    def test_an_edit_is_seen_at_once_and_touches_only_its_layer(self, edited):
        folder, url = edited
        feature_server = f"{url}{SERVICES}/FeatureServer"
        before = [ask(f"{feature_server}/{layer}")["editingInfo"]["lastEditDate"] for layer in (1, DEPOSITS)]
        area = read_layers(folder / "inventory.gpkg")["deposits"].area
        edit(["--data", str(folder), "--target", "deposits", "--id", "3", "--buffer", "30"])
        after = [
            ask(f"{feature_server}/{layer}")["editingInfo"]["dataLastEditDate"] for layer in (1, DEPOSITS)
        ]
        assert after[0] == before[0]
        assert after[1] > before[1]
        grown = read_layers(folder / "inventory.gpkg")["deposits"].area
        assert (grown - area).gt(1.0).tolist() == [n == 2 for n in range(len(area))]
        found = ask(f"{url}{MAP}/{DEPOSITS}/query", f="geojson", where="OBJECTID = 3", outSR=32610)
        assert shape(found["features"][0]["geometry"]).area == pytest.approx(grown[2], rel=1e-6)

    def test_an_unknown_polygon_is_refused(self, edited):
        with pytest.raises(SystemExit, match="no OBJECTID 99999"):
            edit(["--data", str(edited[0]), "--id", "99999"])


class TestFilesOfLayers:
    FILES = (
        ("soil.gpkg", "application/geopackage+sqlite3"),
        ("lithology.geojson", "application/geo+json"),
        ("climate.tif", "image/tiff"),
        ("vegetation.tif", "image/tiff"),
    )

    @pytest.mark.parametrize(("file", "content_type"), FILES)
    def test_each_is_served_as_it_is_on_disk(self, base_url, sample_folder, file, content_type):
        status, headers, body = get(f"{base_url}/layers/{file}")
        assert (status, headers["Content-Type"]) == (200, content_type)
        assert body == (sample_folder / file).read_bytes()

    def test_validators_and_ranges_as_for_the_products(self, base_url, sample_folder):
        url, whole = f"{base_url}/layers/soil.gpkg", (sample_folder / "soil.gpkg").read_bytes()
        status, headers, body = get(url, method="HEAD")
        assert (status, body, int(headers["Content-Length"])) == (200, b"", len(whole))
        assert headers["Last-Modified"].endswith("GMT")
        assert get(url, {"If-None-Match": headers["ETag"]})[0] == 304
        status, part, body = get(url, {"Range": "bytes=100-", "If-Range": headers["ETag"]})
        assert (status, body) == (206, whole[100:])
        assert part["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"

    @pytest.mark.parametrize("path", ["inventory.gpkg", "../metadata.json", "", "USGS_13_n38w123.tif"])
    def test_nothing_else_of_the_folder_is_served(self, base_url, path):
        assert get(f"{base_url}/layers/{path}")[0] == 404

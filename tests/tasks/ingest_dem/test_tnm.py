"""Which products are asked for, and what the catalogue's answers mean."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pyproj import Transformer

from tasks.contract.errors import BadData, InvalidParams, SourceUnavailable
from tasks.ingest_dem.tnm import Pin, newest_per_cell, products
from tasks.ingest_dem.utm import lonlat, lonlat_box, zone_of

AREA = (-122.26, 37.86, -122.12, 38.01)
URL = "http://tnm.invalid/products"


def item(number: int, published: str, west: float = -123.0, north: float = 38.0) -> dict[str, Any]:
    return {
        "sourceId": f"id{number}",
        "title": f"USGS 1/3 arc-second {number}",
        "publicationDate": published,
        "lastUpdated": published + "T00:00:00",
        "sizeInBytes": 5,
        "downloadURL": f"http://tnm.invalid/{number}.tif",
        "boundingBox": {
            "minX": west - 0.0006,
            "maxX": west + 1.0006,
            "minY": north - 1.0006,
            "maxY": north + 0.0006,
        },
    }


def catalogue(items: list[dict[str, Any]], page: int) -> Any:
    """A TNM Access of these items that gives at most `page` at a time."""

    def ask(url: str, query: Any) -> dict[str, Any]:
        start = int(query["offset"])
        return {"total": len(items), "items": items[start : start + min(page, int(query["max"]))]}

    return ask


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [
        ("EPSG:32610", 563200.0, 4190080.0),
        ("EPSG:26910", 705000.0, 4206169.0),
        ("EPSG:32719", 350000.0, 6200000.0),
    ],
)
def test_degrees_agree_with_proj(crs: str, x: float, y: float) -> None:
    expected = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    found = lonlat(x, y, *zone_of(crs))
    assert math.dist(found, expected) < 1e-5  # a metre


def test_a_box_in_degrees_holds_the_whole_box() -> None:
    west, south, east, north = lonlat_box("EPSG:32610", (565706, 4192100, 577067, 4206169))
    assert (west, south, east, north) == pytest.approx((-122.253, 37.874, -122.122, 38.0008), abs=0.001)


def test_a_crs_that_is_no_utm_zone_needs_degrees_from_the_region() -> None:
    with pytest.raises(InvalidParams, match="lonlat"):
        zone_of("EPSG:3310")


def test_pages_are_followed_to_the_end_and_the_newest_of_each_cell_is_kept() -> None:
    items = [
        item(1, "2019-01-01"),
        item(2, "2023-05-01"),
        item(3, "2021-01-01"),
        item(4, "2020-01-01", north=39.0),
    ]
    found = products(catalogue(items, page=1), URL, "1/3", AREA)
    assert [product["id"] for product in found] == ["id2", "id4"]


def test_a_product_that_only_touches_the_area_is_not_fetched() -> None:
    items = [item(1, "2020-01-01"), item(2, "2020-01-01", north=39.0), item(3, "2020-01-01", west=-121.99)]
    assert {product["id"] for product in products(catalogue(items, 50), URL, "1/3", AREA)} == {"id1", "id2"}


def test_neighbouring_cells_are_not_taken_for_issues_of_one_cell() -> None:
    cells = [
        {"id": str(n), "published": "2020", "updated": "", "box": [n - 0.0006, 37, n + 1.0006, 38]}
        for n in range(3)
    ]
    assert len(newest_per_cell(cells)) == 3


def test_no_product_is_an_answer_that_names_the_area() -> None:
    with pytest.raises(BadData, match=r"-122\.260000,37\.860000"):
        products(catalogue([], 50), URL, "1/3", AREA)


def test_an_answer_that_stops_early_is_tried_again_later() -> None:
    with pytest.raises(SourceUnavailable, match="promised 3"):
        products(lambda url, query: {"total": 3, "items": []}, URL, "1/3", AREA)


def test_pinned_to_a_day_the_newest_until_then_is_kept() -> None:
    items = [item(1, "2019-01-01"), item(2, "2023-05-01"), item(3, "2021-01-01")]
    found = products(catalogue(items, 50), URL, "1/3", AREA, Pin("2021-12-31"))
    assert [product["id"] for product in found] == ["id3"]
    with pytest.raises(BadData, match=r"none published until 2018-01-01; the oldest is of 2019-01-01"):
        products(catalogue(items, 50), URL, "1/3", AREA, Pin("2018-01-01"))


def test_pinned_to_products_only_they_are_used_and_a_lost_one_is_named() -> None:
    items = [item(1, "2019-01-01"), item(2, "2023-05-01")]
    found = products(catalogue(items, 50), URL, "1/3", AREA, Pin(ids=frozenset({"id1"})))
    assert [product["id"] for product in found] == ["id1"]
    with pytest.raises(BadData, match=r"no longer lists the products \['id9'\]"):
        products(catalogue(items, 50), URL, "1/3", AREA, Pin(ids=frozenset({"id1", "id9"})))


def test_tiles_that_do_not_fill_their_boxes_are_all_kept() -> None:
    items = [item(1, "2019-01-01"), item(2, "2023-05-01"), item(2, "2023-05-01")]
    found = products(catalogue(items, 2), URL, "1 m", AREA, partial=True)
    assert [product["id"] for product in found] == ["id1", "id2"]

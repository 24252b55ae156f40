"""Coordinates that cannot be meant as their reference system reads them."""

from __future__ import annotations

import re

import geopandas as gpd
import pytest
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from tasks.contract.errors import BadData
from tasks.ingest_inventory.cleanup import clean
from tasks.ingest_inventory.placement import place

UTM = "EPSG:32610"
REGION = shapely.box(563200, 4190080, 564480, 4191360)
SLIDE = shapely.box(563300, 4190180, 563350, 4190230)
FIJI = Polygon([(179.9, -17), (-179.9, -17), (-179.9, -16.9), (179.9, -16.9)])  # 0.2 degrees wide, over 180


def frame(*shapes: BaseGeometry, crs: str = UTM) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), crs=crs)


def degrees(shape: BaseGeometry) -> BaseGeometry:
    return frame(shape).to_crs("EPSG:4326").geometry[0]


def swapped(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: xy[:, ::-1])


def refused(given: gpd.GeoDataFrame, sentence: str) -> None:
    with pytest.raises(BadData, match=sentence):
        place(given, "target scarps", REGION, UTM)


def test_degrees_arrive_where_they_belong() -> None:
    placed = place(frame(degrees(SLIDE), crs="EPSG:4326"), "slides", REGION, UTM)
    assert placed.geometry[0].symmetric_difference(SLIDE).area < 1e-3


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_axes_are_known_to_be_swapped_by_meeting_the_region_when_swapped_back(crs: str) -> None:
    shape = SLIDE if crs == UTM else degrees(SLIDE)
    refused(frame(swapped(shape), crs=crs), "target scarps has its axes swapped: .* 1 of 1 polygons")


def test_in_the_tropics_swapped_axes_are_a_place_on_earth_too() -> None:
    region = shapely.box(720000, 3080000, 730000, 3090000)  # Nepal, zone 44: 83 E, 28 N
    slide = frame(region.centroid.buffer(100), crs="EPSG:32644").to_crs("EPSG:4326").geometry[0]
    with pytest.raises(BadData, match="axes swapped"):
        place(frame(swapped(slide), crs="EPSG:4326"), "slides", region, "EPSG:32644")


def test_a_polygon_over_the_antimeridian_is_refused_and_one_cut_there_is_only_elsewhere() -> None:
    refused(frame(FIJI, degrees(SLIDE), crs="EPSG:4326"), r"antimeridian: a polygon spans 359\.8 degrees")
    cut = MultiPolygon([shapely.box(179.9, -17, 180, -16.9), shapely.box(-180, -17, -179.9, -16.9)])
    placed = place(frame(cut, degrees(SLIDE), crs="EPSG:4326"), "slides", REGION, UTM)
    kept, _ = clean(placed, REGION)
    assert len(kept) == 1


def test_metres_that_say_they_are_degrees_are_refused() -> None:
    refused(frame(SLIDE, crs="EPSG:4326"), r"in EPSG:4326, in degrees, .* latitude of 4190230, beyond 90")


def test_degrees_that_say_they_are_metres_are_refused() -> None:
    refused(frame(degrees(SLIDE)), "outside the area of use of EPSG:32610 .*which look like degrees")


def test_coordinates_outside_the_area_of_use_are_named() -> None:
    lambert = frame(SLIDE).to_crs("EPSG:3857").geometry[0]  # web mercator, said to be UTM
    refused(frame(lambert), re.escape("outside the area of use of EPSG:32610"))


def test_an_inventory_of_the_neighbouring_zone_is_only_elsewhere() -> None:
    east = shapely.affinity.translate(SLIDE, 500_000)
    assert len(place(frame(east), "slides", REGION, UTM)) == 1


def test_missing_and_endless_shapes_are_left_to_the_cleaning() -> None:
    endless = Polygon([(0, 0), (float("inf"), 0), (1, 1)])
    placed = place(frame(SLIDE, Polygon(), endless, None), "slides", REGION, UTM)
    _, counts = clean(placed, REGION)
    assert (counts["kept"], counts["empty"]) == (1, 3)


@pytest.mark.parametrize("wanted", [UTM, "EPSG:26910"])
def test_an_old_datum_is_shifted_and_not_taken_as_it_is(wanted: str) -> None:
    """NAD27 lies some 200 m beside NAD83 in California."""
    placed = place(frame(SLIDE, crs="EPSG:26710"), "slides", REGION, wanted)
    assert 200 < placed.geometry[0].centroid.distance(SLIDE.centroid) < 230


@pytest.mark.parametrize(
    "crs", ["EPSG:4269", "EPSG:6318", "EPSG:26910", "EPSG:3310", "EPSG:3857", "OGC:CRS84"]
)
def test_what_california_is_mapped_in_arrives(crs: str) -> None:
    for wanted in (UTM, "EPSG:26910"):
        placed = place(frame(SLIDE).to_crs(crs), "slides", REGION, wanted)
        assert placed.geometry[0].centroid.distance(SLIDE.centroid) < 2

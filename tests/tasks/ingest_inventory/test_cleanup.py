"""What is mended, what is left out, and that it is counted."""

from __future__ import annotations

import geopandas as gpd
import shapely
from shapely import MultiPolygon, Point, Polygon

from tasks.ingest_inventory.cleanup import clean

REGION = shapely.box(0, 0, 100, 100)
BOX = shapely.box(10, 10, 20, 20)
BOW_TIE = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])


def cleaned(*shapes: object) -> tuple[list[object], dict[str, int]]:
    frame, counts = clean(gpd.GeoDataFrame(geometry=list(shapes), crs="EPSG:32610"), REGION)
    return list(frame.geometry), counts


def test_a_bow_tie_becomes_its_two_triangles() -> None:
    shapes, counts = cleaned(BOW_TIE)
    assert (shapes[0].is_valid, shapes[0].area, len(shapes[0].geoms)) == (True, 50.0, 2)
    assert counts["repaired"] == 1


def test_the_same_shape_again_is_dropped_wherever_its_ring_starts() -> None:
    again = Polygon([(20, 10), (10, 10), (10, 20), (20, 20)])
    shapes, counts = cleaned(BOX, again, shapely.box(10, 10, 20, 21))
    assert (len(shapes), counts["duplicates"]) == (2, 1)


def test_heights_of_corners_are_removed() -> None:
    shapes, counts = cleaned(shapely.force_3d(BOX, 7.0))
    assert not shapes[0].has_z
    assert counts["z_removed"] == 1


def test_slivers_between_two_digitised_outlines_are_no_landslides() -> None:
    thread = shapely.box(10, 10, 90, 10.05)  # 4 square metres, 5 cm wide
    crumb = shapely.box(10, 30, 10.9, 30.9)
    narrow = shapely.box(10, 50, 90, 50.5)
    shapes, counts = cleaned(thread, crumb, narrow)
    assert [shape.area for shape in shapes] == [narrow.area]
    assert counts["slivers"] == 2


def test_what_has_no_area_is_left_out() -> None:
    spike = Polygon([(0, 0), (5, 5), (0, 0)])
    shapes, counts = cleaned(None, Polygon(), Point(5, 5), spike, BOX)
    assert (len(shapes), counts["empty"]) == (1, 4)


def test_a_polygon_across_the_edge_stays_whole_and_one_outside_goes() -> None:
    across, beside, outside = (
        shapely.box(-5, 0, 5, 10),
        shapely.box(-5, 20, 0, 30),
        shapely.box(200, 0, 210, 10),
    )
    shapes, counts = cleaned(across, beside, outside)
    assert [shape.area for shape in shapes] == [100.0]
    assert (counts["outside"], counts["kept"]) == (2, 1)


def test_parts_and_holes_are_kept() -> None:
    ring = shapely.box(0, 0, 30, 30) - BOX
    shapes, _ = cleaned(MultiPolygon([ring, shapely.box(50, 50, 60, 60)]))
    assert shapes[0].area == 30 * 30 - 100 + 100


def test_every_polygon_read_is_accounted_for() -> None:
    _, counts = cleaned(BOX, BOX, None, BOW_TIE, shapely.box(200, 0, 210, 10), shapely.box(1, 1, 1.5, 1.5))
    assert counts == {
        **{"read": 6, "empty": 1, "slivers": 1, "duplicates": 1, "outside": 1, "kept": 2},
        **{"z_removed": 0, "repaired": 1},
    }

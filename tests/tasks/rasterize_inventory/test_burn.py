"""Exact cells of polygons."""

import geopandas as gpd
import numpy as np
from shapely.geometry import box

from tasks.contract.grid import Grid
from tasks.rasterize_inventory.burn import burn_extent, burn_numbers, numbered

GRID = Grid("EPSG:32610", 0.0, 1000.0, 10.0, 100, 100)


def polygons(*rows: tuple[str, str, object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"id": [r[0] for r in rows], "landslide_id": [r[1] for r in rows]},
        geometry=[r[2] for r in rows],
        crs=GRID.crs,
    )


def test_a_rectangle_on_the_grid_lines_burns_exactly_its_cells():
    burnt = burn_numbers(numbered(polygons(("a", "s1", box(100, 700, 150, 900)))), GRID, all_touched=False)
    assert burnt.sum() == 5 * 20
    assert burnt[10:30, 10:15].all()


def test_a_cell_belongs_to_the_polygon_that_holds_its_centre():
    sliver = numbered(polygons(("a", "s1", box(104, 700, 106, 710)), ("b", "s1", box(206, 700, 209, 710))))
    assert np.argwhere(burn_numbers(sliver, GRID, all_touched=False)).tolist() == [[29, 10]]
    assert np.count_nonzero(burn_numbers(sliver, GRID, all_touched=True)) >= 2


def test_a_circle_burns_its_area():
    circle = polygons(("a", "s1", box(500, 500, 500.1, 500.1).centroid.buffer(300, quad_segs=64)))
    burnt = np.count_nonzero(burn_numbers(numbered(circle), GRID, all_touched=False))
    np.testing.assert_allclose(burnt * 100, np.pi * 300**2, rtol=0.005)


def test_numbers_follow_the_landslide_id_whatever_the_order_of_the_rows():
    rows = [
        ("3", "s7", box(0, 0, 50, 50)),
        ("1", "s2", box(100, 0, 150, 50)),
        ("2", "s7", box(30, 0, 70, 50)),
    ]
    one, other = (burn_numbers(numbered(polygons(*r)), GRID, all_touched=False) for r in (rows, rows[::-1]))
    np.testing.assert_array_equal(one, other)
    assert one[99, 12] == 1
    assert one[99, 0] == one[99, 6] == 2


def test_the_extent_is_where_the_centres_were_mapped():
    mapped = burn_extent(gpd.GeoDataFrame(geometry=[box(0, 0, 1000, 496)], crs=GRID.crs), GRID)
    assert mapped.sum() == 100 * 50
    assert mapped[50:].all()

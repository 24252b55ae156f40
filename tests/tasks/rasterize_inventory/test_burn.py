"""Exact cells of polygons."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry import box

from tasks.contract.grid import Grid
from tasks.rasterize_inventory import burn
from tasks.rasterize_inventory.burn import Outlines
from tasks.rasterize_inventory.polygons import numbered, smallest_last, widened
from tasks.science.windows import Window, windows

GRID = Grid("EPSG:32610", 0.0, 1000.0, 10.0, 100, 100)
WHOLE = Window(0, 0, *GRID.shape)


def polygons(*rows: tuple[str, str, object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"id": [r[0] for r in rows], "landslide_id": [r[1] for r in rows]},
        geometry=[r[2] for r in rows],
        crs=GRID.crs,
    )


def burnt(table: gpd.GeoDataFrame, all_touched: bool = False) -> np.ndarray:
    ordered = smallest_last(numbered(table))
    return Outlines.on(GRID, ordered.geometry, ordered["number"], all_touched=all_touched).burnt(WHOLE)


def by_windows(outlines: Outlines, size: int) -> np.ndarray:
    cells = np.full(GRID.shape, 9999, np.uint32)
    for window in windows(*GRID.shape, size):
        cells[window.slices] = outlines.burnt(window)
    return cells


def stars(corners_m: float, seed: int = 3, count: int = 40) -> list[shapely.Polygon]:
    """Overlapping polygons whose corners lie on multiples of `corners_m` (anywhere where it is 0)."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
        corners = rng.uniform(-50, 1050, 2) + np.c_[np.cos(angles), np.sin(angles)] * rng.uniform(20, 250)
        if corners_m:
            corners = np.round(corners / corners_m) * corners_m
        star = shapely.Polygon(corners)
        found += [star] if star.is_valid and star.area else []
    return found


def test_a_rectangle_on_the_grid_lines_burns_exactly_its_cells():
    cells = burnt(polygons(("a", "s1", box(100, 700, 150, 900))))
    assert cells.sum() == 5 * 20
    assert cells[10:30, 10:15].all()


def test_a_cell_belongs_to_the_polygon_that_holds_its_centre():
    sliver = polygons(("a", "s1", box(104, 700, 106, 710)), ("b", "s1", box(206, 700, 209, 710)))
    assert np.argwhere(burnt(sliver)).tolist() == [[29, 10]]
    assert np.count_nonzero(burnt(sliver, all_touched=True)) >= 2


def test_a_circle_burns_its_area():
    circle = polygons(("a", "s1", box(500, 500, 500.1, 500.1).centroid.buffer(300, quad_segs=64)))
    np.testing.assert_allclose(np.count_nonzero(burnt(circle)) * 100, np.pi * 300**2, rtol=0.005)


def test_numbers_follow_the_landslide_id_whatever_the_order_of_the_rows():
    rows = [
        ("3", "s7", box(0, 0, 50, 50)),
        ("1", "s2", box(100, 0, 150, 50)),
        ("2", "s7", box(30, 0, 70, 50)),
    ]
    one, other = (burnt(polygons(*r)) for r in (rows, rows[::-1]))
    np.testing.assert_array_equal(one, other)
    assert one[99, 12] == 1
    assert one[99, 0] == one[99, 6] == 2


@pytest.mark.parametrize("turned", [1, -1])
def test_of_landslides_that_overlap_the_smaller_has_the_cell(turned):
    """A small slide within an old large one is seen, whatever it is called."""
    rows = [
        ("1", "s1", box(0, 0, 200, 200)),
        ("2", "s2", box(100, 100, 300, 300)),
        ("3", "s0", box(150, 150, 180, 180)),
    ]
    cells = burnt(polygons(*rows[::turned]))
    s0, s1, s2 = 1, 2, 3
    assert (cells[82:85, 15:18] == s0).all()
    assert cells[89, 10] == s1, "of equal ones the first by id"
    assert (cells == s0).sum() == 9
    assert (cells == s1).sum() == 400 - 9
    assert (cells == s2).sum() == 400 - 100


def test_a_landslide_is_as_large_as_all_its_polygons():
    rows = [
        ("1", "a", box(0, 0, 100, 100)),
        ("2", "a", box(500, 500, 900, 900)),
        ("3", "b", box(0, 0, 200, 200)),
    ]
    assert (burnt(polygons(*rows))[90:, :10] == 2).all(), "b is smaller than both polygons of a together"


@pytest.mark.parametrize("all_touched", [False, True])
@pytest.mark.parametrize("corners_m", [0, 2.5, 5, 10])
def test_windows_equal_the_whole_also_where_outlines_run_through_corners_of_cells(
    all_touched, corners_m, monkeypatch
):
    monkeypatch.setattr(burn, "BLOCK_PX", 32)  # so that polygons are of several blocks
    outlines = Outlines.on(GRID, stars(corners_m), np.arange(1, 41), all_touched=all_touched)
    whole = outlines.burnt(WHOLE)
    assert len(np.unique(whole)) > 10
    for size in (7, 33, 64):
        np.testing.assert_array_equal(by_windows(outlines, size), whole)


@pytest.mark.parametrize("all_touched", [False, True])
def test_a_whole_raster_burnt_by_gdal_alone_has_the_same_cells(all_touched):
    shapes = stars(0)
    alone = rasterize(
        [(shape, number) for number, shape in enumerate(shapes, 1)], GRID.shape,
        transform=Affine(*GRID.transform), all_touched=all_touched, dtype="uint32",
    )  # fmt: skip
    outlines = Outlines.on(GRID, shapes, np.arange(1, 41), all_touched=all_touched)
    np.testing.assert_array_equal(by_windows(outlines, 33), alone)


def test_a_region_that_grows_keeps_the_cells_it_had():
    shapes = stars(10)
    larger = Outlines.on(GRID.padded(64), shapes, all_touched=True).burnt(Window(64, 64, *GRID.shape))
    np.testing.assert_array_equal(larger, Outlines.on(GRID, shapes, all_touched=True).burnt(WHOLE))


def test_the_extent_is_where_the_centres_were_mapped():
    mapped = Outlines.on(GRID, [box(0, 0, 1000, 496)]).burnt(WHOLE)
    assert mapped.sum() == 100 * 50
    assert mapped[50:].all()


def test_no_polygon_burns_no_cell():
    assert not Outlines.on(GRID, []).burnt(WHOLE).any()


def test_a_polygon_so_wide_that_it_holds_a_circle_around_any_cell_keeps_a_cell():
    """1.42 cells: no place is farther from a cell's centre than half a cell's diagonal."""
    rng = np.random.default_rng(5)
    thin = [
        shapely.affinity.rotate(box(x, y, x + 60, y + rng.uniform(0.5, 5)), rng.uniform(0, 180))
        for x, y in rng.uniform(100, 900, (200, 2))
    ]
    kept = {}
    for width in (0.0, 14.2):
        wide, number = widened(np.array(thin, object), width)
        kept[width] = [bool(Outlines.on(GRID, [shape]).burnt(WHOLE).any()) for shape in wide]
        assert number == (200 if width else 0)
    assert all(kept[14.2])
    assert not all(kept[0.0])


def test_a_polygon_is_widened_to_the_width_and_one_that_is_wide_anywhere_is_left():
    bar, head = box(0, 0, 300, 4), box(0, 0, 300, 4).union(box(0, 0, 30, 30))
    wide, number = widened(np.array([bar, head], object), 20.0)
    assert number == 1
    assert wide[1].equals(head)
    left, bottom, right, top = wide[0].bounds
    np.testing.assert_allclose((top - bottom, right - left), (20, 316), atol=0.4)
    again, number = widened(wide, 20.0)
    assert number == 0
    assert again[0].equals(wide[0])


def test_cells_of_any_size_are_counted_from_the_grids_corner():
    fine = replace(GRID, cell_m=2.5, width=400, height=400)
    assert Outlines.on(fine, [box(100, 700, 150, 900)]).burnt(Window(0, 0, 400, 400)).sum() == 20 * 80

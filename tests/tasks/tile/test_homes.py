"""A landslide lies in one split: that of most of its area, wherever a region ends."""

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry import box

from tasks.contract.grid import Grid
from tasks.science.splits import SPLITS, block_split, masked
from tasks.science.windows import Window
from tasks.tile.homes import homes
from tasks.tile.layout import layout
from tasks.tile.spec import Params

CRS, CELL_M = "EPSG:32610", 10.0
PARAMS = Params(tile_px=64, block_tiles=2, shares=(0.4, 0.3, 0.3), split_seed=3, buffer_px=51, levels=3)
SIDE = 1280.0  # of a block, in metres


def at_home(*shapes: object, numbers: tuple[int, ...] = (), params: Params = PARAMS) -> list[int]:
    given = np.array(numbers or range(1, len(shapes) + 1))
    return homes(np.array(shapes, object), given, CRS, CELL_M, params)[1:].tolist()


def split(row: int, col: int) -> int:
    return block_split(CRS, row, col, PARAMS.shares, PARAMS.split_seed)


@pytest.fixture
def border() -> tuple[float, float, int, int]:
    """A vertical border between blocks of two splits: x, y of its middle, the splits to the left and right."""
    row, col = next((r, c) for r in range(-99, 99) for c in range(99) if split(r, c) != split(r, c + 1))
    return (col + 1) * SIDE, -(row + 0.5) * SIDE, split(row, col), split(row, col + 1)


def test_a_landslide_within_a_block_is_at_home_there():
    places = [(row, col) for row in (-40, 0, 7) for col in (-3, 0, 12)]
    shapes = [box(c * SIDE + 9, -(r + 1) * SIDE + 9, (c + 1) * SIDE - 9, -r * SIDE - 9) for r, c in places]
    assert at_home(*shapes) == [split(*place) for place in places]


def test_across_a_border_most_of_the_area_decides(border):
    x, y, left, right = border
    assert at_home(box(x - 200, y, x + 100, y + 50), box(x - 100, y, x + 200, y + 50)) == [left, right]
    triangle = shapely.Polygon([(x - 300, y), (x + 400, y), (x - 300, y + 200)])
    assert triangle.centroid.x < x < triangle.bounds[2]
    assert at_home(triangle) == [left]
    assert at_home(box(x - 100, y, x + 100, y + 50)) == [min(left, right)]  # a tie: the first of SPLITS


def test_all_polygons_of_a_landslide_have_one_home(border):
    x, y, left, right = border
    small, large = box(x - 90, y, x - 10, y + 50), box(x + 10, y, x + 200, y + 50)
    assert at_home(small, large, numbers=(1, 1)) == [right]
    assert at_home(small, large) == [left, right]


def test_a_landslide_that_fills_many_blocks_is_where_they_sum_to_most():
    shape = box(-3 * SIDE, -3 * SIDE, 4 * SIDE, 4 * SIDE)
    blocks = [split(row, col) for row in range(-4, 3) for col in range(-3, 4)]
    assert at_home(shape) == [int(np.bincount(blocks, minlength=len(SPLITS)).argmax())]


def test_in_a_region_held_out_every_landslide_is_at_home(border):
    x, y, *_ = border
    params = Params(block_tiles=2, buffer_px=51, levels=3, hold_out="test")
    assert at_home(box(x - 100, y, x + 200, y + 50), params=params) == [SPLITS.index("test")]


def test_without_a_landslide_there_is_no_home():
    assert at_home() == []


def test_a_landslide_on_the_border_of_two_regions_shows_in_one_split_of_both():
    """Each region burns its part of the landslide; the splits of what is left are those of one split together."""
    shape, cut_through = box(SIDE - 300, -700, SIDE + 500, -300), 0
    for seed in range(20):
        params = Params(block_tiles=2, shares=(0.4, 0.3, 0.3), split_seed=seed, buffer_px=0, levels=3)
        shown, touched = set(), set()
        for left in (0.0, SIDE):
            plan = layout(Grid(CRS, left, 0.0, CELL_M, 128, 128), params)
            transform = Affine(*plan.grid.transform)
            numbers = rasterize([(shape, 1)], plan.grid.shape, transform=transform, dtype="uint8").astype(
                np.uint32
            )
            splits = plan.cells(Window(0, 0, 128, 128))
            home = homes(np.array([shape]), np.array([1]), CRS, CELL_M, params)
            near = np.zeros(plan.grid.shape, bool)
            left_over = masked((numbers > 0).astype(np.uint8), numbers, splits, near, home)
            touched |= set(splits[numbers > 0].tolist())
            shown |= set(splits[left_over == 1].tolist())
        assert len(shown) == 1
        cut_through += len(touched) > 1
    assert cut_through

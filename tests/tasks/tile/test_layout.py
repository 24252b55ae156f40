"""Absolute places, the buffer at a region's edge, overlapping tiles, and what is drawn."""

import numpy as np
import pytest

from tasks.contract.errors import GridMismatch, InvalidParams
from tasks.contract.grid import Grid
from tasks.science.splits import SPLITS, near_border
from tasks.science.windows import Window
from tasks.tile.layout import layout
from tasks.tile.spec import Params

SMALL = Grid("EPSG:32610", 6400.0, -640.0, 10.0, 128, 128)
GROWN = Grid("EPSG:32610", 5120.0, 1280.0, 10.0, 640, 640)
MIXED = {"block_tiles": 2, "shares": (0.4, 0.3, 0.3), "buffer_px": 51, "levels": 3}


def places(plan) -> dict[tuple[int, int], tuple]:
    found = plan.columns()
    keys = zip(found["row_px"].tolist(), found["col_px"].tolist(), strict=True)
    values = zip(
        *(found[name].tolist() for name in ("block_row", "block_col", "split", "extra")), strict=True
    )
    return dict(zip(keys, values, strict=True))


def test_places_are_counted_from_the_crs_origin_with_rows_downward():
    found = layout(Grid("EPSG:32610", 563200.0, 4208000.0, 10.0, 128, 192), Params()).columns()
    assert (found["row_px"][0], found["col_px"][0]) == (-420800, 56320)
    assert (found["tile"][-1], found["row_px"][-1], found["col_px"][-1]) == (5, -420672, 56384)
    assert (found["block_row"][0], found["block_col"][0]) == (-1096, 146)


def test_the_same_tile_of_two_grids_has_the_same_place_and_split():
    one, other = (places(layout(grid, Params(**MIXED, overlap_px=32))) for grid in (SMALL, GROWN))
    assert one == {place: other[place] for place in one}
    assert any(extra for *_, extra in other.values())


def test_a_cell_s_state_does_not_change_when_the_region_grows():
    """The split beyond the edge is known: the buffer goes on where the next region's test block begins."""
    seeds = range(20)
    inside = Window(192, 128, 128, 128)
    for seed in seeds:
        small, grown = (layout(grid, Params(**MIXED, split_seed=seed)) for grid in (SMALL, GROWN))
        np.testing.assert_array_equal(small.near_border(Window(0, 0, 128, 128)), grown.near_border(inside))
    alone = [layout(SMALL, Params(**MIXED, split_seed=seed)) for seed in seeds]
    cut_off = [near_border(plan.cells(Window(0, 0, 128, 128)), 51) for plan in alone]
    beyond = [plan.near_border(Window(0, 0, 128, 128)) for plan in alone]
    assert any(seen.sum() > own.sum() for seen, own in zip(beyond, cut_off, strict=True))


def test_adjoining_regions_keep_the_buffer_between_them():
    """Kept cells of two regions side by side lie as far apart as those of one."""
    right = Grid("EPSG:32610", 6400.0 + 1280.0, -640.0, 10.0, 128, 128)
    met = 0
    for seed in range(20):
        left, other = (layout(grid, Params(**MIXED, split_seed=seed)) for grid in (SMALL, right))
        whole = Window(0, 0, 128, 128)
        ends, starts = left.splits[:, -1], other.splits[:, 0]
        beside = np.flatnonzero(np.repeat(ends != starts, 64))
        met += len(beside)
        assert left.near_border(whole)[beside, -25:].all()
        assert other.near_border(whole)[beside, :25].all()
    assert met


def test_windows_of_the_buffer_equal_the_whole():
    plan = layout(GROWN, Params(**MIXED))
    whole = plan.near_border(Window(0, 0, 640, 640))
    assert 0 < whole.mean() < 1
    for window in (Window(0, 0, 100, 64), Window(333, 77, 5, 563), Window(600, 600, 40, 40)):
        np.testing.assert_array_equal(plan.near_border(window), whole[window.slices])


@pytest.mark.parametrize(("overlap_px", "across"), [(32, 19), (48, 37)])
def test_overlapping_tiles_follow_the_partition_and_lie_wholly_in_training_blocks(overlap_px, across):
    plan = layout(GROWN, Params(**MIXED, overlap_px=overlap_px))
    np.testing.assert_array_equal(plan.places[:100] // 64, list(np.ndindex(10, 10)))
    assert not plan.extra[:100].any()
    cells = plan.cells(Window(0, 0, 640, 640))
    expected = {
        (row, col)
        for row, col in np.array(list(np.ndindex(across, across))) * (64 - overlap_px)
        if (row % 64 or col % 64) and not cells[row : row + 64, col : col + 64].any()
    }
    found = {tuple(place) for place in plan.places[plan.extra].tolist()}
    assert found == expected
    assert len(found) == plan.extra.sum() > 20
    assert not plan.codes[plan.extra].any()
    assert sum(plan.counts().values()) == 100


def test_a_region_held_out_is_one_split_and_needs_no_buffer_inside():
    plan = layout(GROWN, Params(**MIXED, hold_out="test"))
    assert plan.counts() == {"train": 0, "validation": 0, "test": 100}
    assert not plan.near_border(Window(0, 0, 640, 640)).any()
    assert not layout(GROWN, Params(**MIXED, hold_out="validation", overlap_px=32)).extra.any()
    assert layout(GROWN, Params(**MIXED, hold_out="train", overlap_px=32)).extra.sum() == 19**2 - 100


def test_of_tiles_without_a_landslide_a_share_is_drawn_by_place_alone():
    plans = {
        share: layout(GROWN, Params(**MIXED, overlap_px=32, empty_share=share))
        for share in (0.0, 0.3, 0.6, 1.0)
    }
    positive = np.arange(len(plans[1.0].places)) % 3 == 0
    drawn = {share: plan.sampled(positive) for share, plan in plans.items()}
    assert drawn[1.0].all()
    always = positive | (plans[0.0].codes != SPLITS.index("train"))
    np.testing.assert_array_equal(drawn[0.0], always)
    assert (drawn[0.3] <= drawn[0.6]).all()
    assert drawn[0.3][~always].mean() == pytest.approx(0.3, abs=0.1)
    small = layout(SMALL, Params(**MIXED, overlap_px=32, empty_share=0.3))
    whole = dict(zip(places(plans[0.3]), plans[0.3].sampled(positive & False).tolist(), strict=True))
    assert all(
        whole[place] == yes
        for place, yes in zip(places(small), small.sampled(np.zeros(len(small.places), bool)), strict=True)
    )


@pytest.mark.parametrize("tile_px", [16, 48, 80, 96, 128])
def test_tiles_of_any_size_are_the_whole_ones_that_the_raster_holds(tile_px):
    """The region's grid is snapped to 64 cells; tiles of another size lie on their own grid, from the same origin."""
    raster = Grid("EPSG:32610", 563200.0 + 640, 4208000.0 - 1280, 10.0, 640, 448)
    plan = layout(raster, Params(tile_px=tile_px, block_tiles=8))
    assert (plan.grid.left / 10) % tile_px == 0 == (plan.grid.top / 10) % tile_px
    (left, bottom, right, top), (west, south, east, north) = raster.bounds, plan.grid.bounds
    for beside in (west - left, right - east, top - north, south - bottom):
        assert 0 <= beside < tile_px * 10
    assert plan.corner == ((top - north) / 10, (west - left) / 10)
    assert plan.splits.size == plan.grid.width * plan.grid.height // tile_px**2
    row, col = plan.absolute()
    assert (row[0], col[0]) == (-north / 10, west / 10)


def test_a_grid_off_the_origin_s_cells_or_without_a_whole_tile_is_refused():
    with pytest.raises(GridMismatch, match=r"counted from the CRS's origin in whole cells.*run ingest_dem"):
        layout(Grid("EPSG:32610", 563205.0, 4208000.0, 10.0, 128, 128), Params())
    with pytest.raises(GridMismatch, match=r"no whole tile of 128 cells lies in .*lower tile_px"):
        layout(Grid("EPSG:32610", 563200.0 + 640, 4208000.0, 10.0, 128, 128), Params(tile_px=128))


def test_odd_cell_sizes_are_counted_in_whole_cells():
    plan = layout(Grid("EPSG:32643", 186 * 64 * 28.555, 2095 * 64 * 28.555, 28.555, 768, 576), Params())
    assert (plan.first_row, plan.first_col, plan.corner) == (-2095, 186, (0, 0))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"overlap_px": 30}, r"overlap_px must be one of \(0, 32, 48\), found 30"),
        ({"hold_out": "tests"}, "hold_out must be one of train, validation, test, found 'tests'"),
        ({"empty_share": 1.5}, "empty_share must lie between 0 and 1, found 1.5"),
        ({"buffer_px": 400}, "raise block_tiles"),
        ({"tile_px": 48, "levels": 5}, "takes tiles of a multiple of 32 cells, found tile_px = 48"),
        ({"levels": 60}, r"\[train\] levels must lie between 1 and 6, found 60"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_a_sentence(settings, says):
    with pytest.raises(InvalidParams, match=says):
        Params(**settings)

"""Absolute tile coordinates and the index."""

import pytest

from tasks.contract.errors import GridMismatch
from tasks.contract.grid import Grid
from tasks.tile.layout import layout

SHARES = (0.7, 0.15, 0.15)


def test_tiles_are_numbered_from_the_crs_origin_with_rows_downward():
    grid = Grid("EPSG:32610", 563200.0, 4208000.0, 10.0, 128, 192)
    first, *_, last = layout(grid, 64, 6, SHARES, 1).rows()
    assert (first["row"], first["col"]) == (-6575, 880)
    assert (last["tile"], last["row"], last["col"]) == (5, -6573, 881)
    assert (first["block_row"], first["block_col"]) == (-1096, 146)


def test_the_same_tile_of_two_grids_has_the_same_place_and_split():
    small = Grid("EPSG:32610", 6400.0, -640.0, 10.0, 128, 128)
    grown = Grid("EPSG:32610", 5120.0, 1280.0, 10.0, 640, 640)
    one, other = (layout(grid, 64, 2, SHARES, 1).rows() for grid in (small, grown))
    places = {(line["row"], line["col"]): (line["block_row"], line["split"]) for line in other}
    assert all(places[line["row"], line["col"]] == (line["block_row"], line["split"]) for line in one)


@pytest.mark.parametrize(("left", "width"), [(563210.0, 128), (563200.0, 130)])
def test_a_grid_off_the_tile_grid_is_refused(left, width):
    with pytest.raises(GridMismatch, match="not whole tiles of 64 cells"):
        layout(Grid("EPSG:32610", left, 4208000.0, 10.0, width, 128), 64, 6, SHARES, 1)

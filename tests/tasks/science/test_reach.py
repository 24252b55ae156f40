"""How far a U-Net sees (that a real one sees no further: tests/tasks/train_unet)."""

import pytest

from tasks.science.reach import halo_px, reach_px


def test_four_levels_see_107_cells_and_need_a_halo_of_112():
    assert (reach_px(4), halo_px(4)) == (107, 112)


def test_a_single_scale_sees_what_its_two_convolutions_see():
    assert (reach_px(0), halo_px(0)) == (2, 2)


@pytest.mark.parametrize("levels", range(1, 7))
def test_a_halo_is_the_smallest_multiple_of_the_pooling_grid_that_covers_the_reach(levels):
    halo = halo_px(levels)
    assert halo % 2**levels == 0
    assert 0 <= halo - reach_px(levels) < 2**levels

"""Polygons of a mask."""

import numpy as np
import pytest

from tasks.contract.grid import Grid
from tasks.publish_map.polygons import polygons_of

GRID = Grid("EPSG:32610", 0.0, 1000.0, 10.0, 40, 100)


def test_area_and_mean_probability_of_each_patch():
    probability = np.zeros(GRID.shape, np.float32)
    probability[10:14, 10:15] = 0.75
    probability[50, 20:22] = [0.6, 0.8]
    found = polygons_of(probability > 0.5, probability, GRID)
    assert found["area_m2"].tolist() == [2000.0, 200.0]
    assert found["mean_probability"].tolist() == [0.75, 0.7]
    assert found.geometry[0].bounds == (100.0, 860.0, 150.0, 900.0)
    assert found.crs.to_string() == GRID.crs


def test_patches_that_touch_at_a_corner_are_two_valid_polygons():
    positive = np.zeros(GRID.shape, bool)
    positive[5, 5] = positive[6, 6] = True
    found = polygons_of(positive, positive.astype(np.float32), GRID)
    assert len(found) == 2
    assert found.is_valid.all()


@pytest.mark.parametrize(("minimum", "left"), [(0.0, 2), (200.0, 1), (5000.0, 0)])
def test_small_patches_are_left_out(minimum, left):
    positive = np.zeros(GRID.shape, bool)
    positive[5, 5] = True
    positive[20:24, 5] = True
    assert len(polygons_of(positive, positive.astype(np.float32), GRID, minimum)) == left


def test_a_hole_is_a_hole():
    positive = np.zeros(GRID.shape, bool)
    positive[5:8, 5:8] = True
    positive[6, 6] = False
    assert polygons_of(positive, positive.astype(np.float32), GRID)["area_m2"].tolist() == [800.0]

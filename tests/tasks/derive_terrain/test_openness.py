"""Openness of planes, pits and peaks, and of rough ground looked at cell by cell."""

import math

import numpy as np
import pytest

from tasks.derive_terrain.openness import openness, openness_difference


def metres(cells: int, cell_m: float) -> tuple[np.ndarray, np.ndarray]:
    y, x = (np.mgrid[0:cells, 0:cells] - cells // 2) * cell_m
    return x, -y


def looked_at(dem: np.ndarray, cell_m: float, radius: int, row: int, col: int) -> tuple[float, float]:
    """Positive and negative openness of one cell, one line of sight at a time."""
    zeniths, nadirs = [], []
    for azimuth in range(0, 360, 45):
        down, right = -round(math.cos(math.radians(azimuth))), round(math.sin(math.radians(azimuth)))
        angles = []
        for step in range(1, radius + 1):
            there, away = (row + step * down, col + step * right), step * math.hypot(down, right)
            inside = 0 <= there[0] < dem.shape[0] and 0 <= there[1] < dem.shape[1]
            if away <= radius and inside and not math.isnan(dem[there]):
                angles.append(math.atan2(float(dem[there]) - float(dem[row, col]), away * cell_m))
        zeniths.append(90 - math.degrees(max(angles, default=math.nan)))
        nadirs.append(90 + math.degrees(min(angles, default=math.nan)))
    return sum(zeniths) / 8, sum(nadirs) / 8


@pytest.mark.parametrize(("east", "north"), [(0.0, 0.0), (0.3, 0.0), (0.4, -0.7)])
def test_a_plane_is_open_90_degrees_up_and_down_whatever_its_slope(east, north):
    x, y = metres(41, 10.0)
    up, down = openness(500 + east * x + north * y, 10.0, 8)
    np.testing.assert_allclose(up[8:-8, 8:-8], 90, atol=1e-4)
    np.testing.assert_allclose(down[8:-8, 8:-8], 90, atol=1e-4)


@pytest.mark.parametrize("cell_m", [1.0, 28.5])
@pytest.mark.parametrize("radius", [1, 2, 15])
def test_at_the_bottom_of_a_cone_the_sky_is_what_its_slope_leaves(cell_m, radius):
    slope = 35.0
    pit = 500 + math.tan(math.radians(slope)) * np.hypot(*metres(31, cell_m))
    up, down = (values[15, 15] for values in openness(pit, cell_m, radius))
    assert (up, down) == (pytest.approx(90 - slope, abs=1e-4), pytest.approx(90 + slope, abs=1e-4))
    up, down = (values[15, 15] for values in openness(-pit, cell_m, radius))
    assert (up, down) == (pytest.approx(90 + slope, abs=1e-4), pytest.approx(90 - slope, abs=1e-4))


def test_a_ridge_is_positive_and_a_valley_negative_in_the_difference():
    x, _ = metres(81, 10.0)
    found = openness_difference(openness(30 * np.cos(2 * np.pi * x / 400), 10.0, 15))[40]
    assert found[40] > 5
    assert found[20] < -5
    assert found[40] == pytest.approx(-found[20], abs=1e-3)
    assert found[30] == pytest.approx(0, abs=1e-3)


def test_distance_is_over_ground_on_the_diagonals_too():
    """Of a radius of 10 cells a diagonal has 7 steps: 7 x 1.41 is 9.9, 8 x 1.41 is 11.3."""
    for step, seen in ((7, True), (8, False)):
        dem = np.zeros((31, 31))
        dem[15 - step, 15 + step] = 100.0
        assert (openness(dem, 10.0, 10)[0][15, 15] < 90) == seen
    for step, seen in ((10, True), (11, False)):
        dem = np.zeros((31, 31))
        dem[15 + step, 15] = 100.0
        assert (openness(dem, 10.0, 10)[0][15, 15] < 90) == seen


def test_a_tower_hides_an_eighth_of_the_sky_by_its_angle():
    dem = np.zeros((31, 31))
    dem[15 - 5, 15 + 5] = 80.0
    angle = math.degrees(math.atan(80 / (5 * math.sqrt(2) * 10)))
    assert openness(dem, 10.0, 10)[0][15, 15] == pytest.approx(90 - angle / 8, abs=1e-4)


def test_nodata_on_a_line_of_sight_does_not_block_it():
    dem = np.zeros((31, 31))
    dem[15, 20] = 80.0
    before = openness(dem, 10.0, 10)[0][15, 15]
    dem[15, 17:20] = np.nan
    assert openness(dem, 10.0, 10)[0][15, 15] == before < 90


@pytest.mark.parametrize("radius", [2, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rough_ground_looked_at_cell_by_cell(monkeypatch, radius, dtype):
    from tasks.derive_terrain import openness as module

    monkeypatch.setattr(module, "PIECE_PX", 13)
    dem = np.random.default_rng(7).normal(800, 15, (30, 27)).astype(dtype)
    dem[4, 5] = dem[12:16, 9:20] = np.nan
    up, down = openness(dem, 10.0, radius)
    for row, col in np.ndindex(dem.shape):
        expected = looked_at(dem, 10.0, radius, row, col) if not np.isnan(dem[row, col]) else (np.nan,) * 2
        np.testing.assert_allclose((up[row, col], down[row, col]), expected, atol=2e-4)

"""Slope and curvature of surfaces whose derivatives are known."""

import math

import numpy as np
import pytest

from tasks.derive_terrain.surface import curvature, slope_deg

INNER = (slice(1, -1), slice(1, -1))


def coordinates(cells: int, cell_m: float) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:cells, 0:cells] * cell_m
    return x, y


@pytest.mark.parametrize("cell_m", [1.0, 10.0, 28.555])
def test_slope_of_a_plane_is_its_gradient(cell_m):
    x, y = coordinates(16, cell_m)
    found = slope_deg(500 + 0.3 * x + 0.4 * y, cell_m)[INNER]
    np.testing.assert_allclose(found, math.degrees(math.atan(0.5)), rtol=1e-6)


@pytest.mark.parametrize("cell_m", [1.0, 10.0])
def test_curvature_of_a_paraboloid_is_minus_100_times_its_laplacian(cell_m):
    x, y = coordinates(16, cell_m)
    bowl = 0.002 * x**2 + 0.001 * y**2
    np.testing.assert_allclose(curvature(bowl, cell_m)[INNER], -100 * (0.004 + 0.002), rtol=1e-5)


def test_a_ridge_is_positive_and_a_plane_is_not_curved():
    x, y = coordinates(9, 10.0)
    assert curvature(-0.01 * (x - 40) ** 2, 10.0)[4, 4] > 0
    np.testing.assert_allclose(curvature(0.3 * x + 0.4 * y, 10.0)[INNER], 0, atol=1e-9)


def test_nodata_stays_nodata_and_nothing_else_becomes_it():
    x, _ = coordinates(9, 10.0)
    dem = (0.5 * x).astype(np.float32)
    dem[4, 4] = np.nan
    for derived in (slope_deg(dem, 10.0), curvature(dem, 10.0)):
        np.testing.assert_array_equal(np.isnan(derived), np.isnan(dem))


def test_richdem_draws_no_progress_bar(capfd):
    slope_deg(np.zeros((8, 8), np.float32), 1.0)
    assert capfd.readouterr().err == ""

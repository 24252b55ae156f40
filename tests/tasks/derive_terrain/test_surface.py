"""Slope, aspect and curvature of surfaces whose derivatives are known."""

import math
import os
import threading

import numpy as np
import pytest

from tasks.derive_terrain.surface import (
    _quiet,
    aspect_deg,
    curvature,
    eastness,
    northness,
    planform_curvature,
    profile_curvature,
    slope_deg,
)

INNER = (slice(1, -1), slice(1, -1))
EVERY = (slope_deg, aspect_deg, curvature, profile_curvature, planform_curvature)


def coordinates(cells: int, cell_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Metres to the east and to the north; row 0 is the northernmost."""
    y, x = np.mgrid[0:cells, 0:cells] * cell_m
    return x, -y


@pytest.mark.parametrize("cell_m", [1.0, 10.0, 28.555])
def test_slope_of_a_plane_is_its_gradient(cell_m):
    x, y = coordinates(16, cell_m)
    found = slope_deg(500 + 0.3 * x + 0.4 * y, cell_m)[INNER]
    np.testing.assert_allclose(found, math.degrees(math.atan(0.5)), rtol=1e-6)


@pytest.mark.parametrize("towards", [0, 30, 45, 90, 135, 180, 225, 270, 300, 359.999999])
def test_aspect_of_a_plane_is_where_it_falls_to_clockwise_from_north(towards):
    x, y = coordinates(12, 10.0)
    east, north = math.sin(math.radians(towards)), math.cos(math.radians(towards))
    aspect = aspect_deg(500 - 0.4 * (east * x + north * y), 10.0)[INNER]
    np.testing.assert_allclose((aspect - towards + 180) % 360, 180, atol=1e-4)
    assert ((aspect >= 0) & (aspect < 360)).all()
    np.testing.assert_allclose(northness(aspect), north, atol=1e-6)
    np.testing.assert_allclose(eastness(aspect), east, atol=1e-6)


@pytest.mark.parametrize("height", [0.0, -0.0, 512.5])
def test_flat_ground_faces_nowhere(height):
    aspect = aspect_deg(np.full((6, 6), height, np.float32), 10.0)
    np.testing.assert_array_equal(aspect, -1)
    np.testing.assert_array_equal(northness(aspect), 0)
    np.testing.assert_array_equal(eastness(aspect), 0)


@pytest.mark.parametrize("cell_m", [1.0, 10.0])
def test_curvature_of_a_paraboloid_is_minus_100_times_its_laplacian(cell_m):
    x, y = coordinates(16, cell_m)
    bowl = 0.002 * x**2 + 0.001 * y**2
    np.testing.assert_allclose(curvature(bowl, cell_m)[INNER], -100 * (0.004 + 0.002), rtol=1e-5)


def test_a_ridge_is_positive_and_a_plane_is_not_curved():
    x, y = coordinates(9, 10.0)
    assert curvature(-0.01 * (x - 40) ** 2, 10.0)[4, 4] > 0
    for of in (curvature, profile_curvature, planform_curvature):
        np.testing.assert_allclose(of(0.3 * x + 0.4 * y, 10.0)[INNER], 0, atol=1e-9)


@pytest.mark.parametrize("cell_m", [1.0, 10.0])
@pytest.mark.parametrize("bent", [(0.002, 0.005, 0.003), (-0.004, 0.001, -0.002)])
def test_profile_and_planform_are_the_second_derivatives_along_gradient_and_contour(cell_m, bent):
    """Of z = a x^2 + b y^2 + c x y + 0.3 x + 0.2 y, in the middle; Zevenbergen and Thorne have the other sign."""
    a, b, c = bent
    x, y = (axis - axis[4, 4] for axis in coordinates(9, cell_m))
    z = a * x**2 + b * y**2 + c * x * y + 0.3 * x + 0.2 * y
    along = (2 * a * 0.3**2 + 2 * c * 0.3 * 0.2 + 2 * b * 0.2**2) / (0.3**2 + 0.2**2)
    across = 2 * a + 2 * b - along
    assert profile_curvature(z, cell_m)[4, 4] == pytest.approx(100 * along, rel=1e-5)
    assert planform_curvature(z, cell_m)[4, 4] == pytest.approx(-100 * across, rel=1e-5)


def test_a_cone_is_straight_downhill_and_a_circle_across():
    x, y = coordinates(81, 10.0)
    away = np.hypot(x - x[40, 40], y - y[40, 40])
    peak, far = 500 - 0.5 * away, (away > 200) & (away < 380)
    np.testing.assert_allclose(profile_curvature(peak, 10.0)[far], 0, atol=2e-3)
    np.testing.assert_allclose(planform_curvature(peak, 10.0)[far], 100 * 0.5 / away[far], rtol=0.01)
    np.testing.assert_allclose(planform_curvature(-peak, 10.0)[far], -100 * 0.5 / away[far], rtol=0.01)


def test_a_brow_is_negative_and_a_foot_positive_in_profile():
    x, _ = coordinates(81, 10.0)
    hillside = 40 * np.cos(2 * np.pi * x / 800)
    found = profile_curvature(hillside, 10.0)[40]
    np.testing.assert_allclose(
        found[5:36], -100 * 40 * (np.pi / 400) ** 2 * np.cos(np.pi * x[40, 5:36] / 400), atol=2e-3
    )
    assert found[10] < 0 < found[30]


def test_total_curvature_is_planform_less_profile():
    ground = np.random.default_rng(4).normal(500, 3, (40, 40)).cumsum(0).cumsum(1)
    found = planform_curvature(ground, 10.0) - profile_curvature(ground, 10.0)
    np.testing.assert_allclose(curvature(ground, 10.0)[INNER], found[INNER], rtol=1e-4, atol=1e-3)


def test_flat_ground_has_no_profile_and_no_planform():
    x, y = (axis - axis[4, 4] for axis in coordinates(9, 10.0))
    for of in (profile_curvature, planform_curvature):
        assert of(0.01 * (x**2 + y**2), 10.0)[4, 4] == 0


def test_nodata_stays_nodata_and_nothing_else_becomes_it():
    x, _ = coordinates(9, 10.0)
    dem = (0.5 * x).astype(np.float32)
    dem[4, 4] = np.nan
    for of in EVERY:
        np.testing.assert_array_equal(np.isnan(of(dem, 10.0)), np.isnan(dem))
    for component in (northness, eastness):
        np.testing.assert_array_equal(np.isnan(component(aspect_deg(dem, 10.0))), np.isnan(dem))


def test_richdem_draws_no_progress_bar(capfd):
    for of in EVERY:
        of(np.zeros((8, 8), np.float32), 1.0)
    assert capfd.readouterr().err == ""


def test_stderr_comes_back_when_two_threads_leave_in_the_order_they_came(capfd):
    entered, leave = threading.Event(), threading.Event()

    def second() -> None:
        with _quiet():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=second)
    with _quiet():
        thread.start()
        assert not entered.wait(0.2)
    leave.set()
    thread.join()
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"

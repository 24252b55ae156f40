"""Shade of surfaces whose brightness is known."""

import math

import numpy as np
import pytest

from tasks.science.hillshade import hillshade

Y, X = np.mgrid[0:8, 0:8] * 10.0


def test_flat_ground_has_the_sine_of_the_suns_altitude():
    np.testing.assert_allclose(hillshade(np.zeros((8, 8)), 10.0, altitude_deg=30), 0.5, rtol=1e-6)


def test_a_slope_that_faces_the_sun_is_brightest():
    north_west = (X + Y) / math.sqrt(2)
    np.testing.assert_allclose(hillshade(north_west, 10.0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(hillshade(-north_west, 10.0), 0.0, atol=1e-6)


@pytest.mark.parametrize(("dem", "azimuth"), [(X, 270), (-X, 90), (Y, 0), (-Y, 180)])
def test_ground_that_falls_towards_the_azimuth_is_lit(dem, azimuth):
    assert hillshade(dem, 10.0, azimuth_deg=azimuth)[4, 4] > 0.99


def test_nodata_stays_nodata():
    dem = np.zeros((5, 5), np.float32)
    dem[2, 2] = np.nan
    assert np.isnan(hillshade(dem, 10.0)[2, 2])

"""Relief and roughness of surfaces whose answer is known."""

import numpy as np
import pytest
from scipy import ndimage

from tasks.derive_terrain.relief import gaussian_mean, gaussian_reach, relief, roughness


def plane(cells: int) -> np.ndarray:
    y, x = np.mgrid[0:cells, 0:cells]
    return 800.0 + 3.0 * x - 2.0 * y


@pytest.mark.parametrize("sd", [2, 5])
def test_a_plane_has_no_relief_and_no_roughness(sd):
    inner = (slice(gaussian_reach(sd) + 2, -gaussian_reach(sd) - 2),) * 2
    np.testing.assert_allclose(relief(plane(80), sd)[inner], 0, atol=1e-9)
    np.testing.assert_allclose(roughness(plane(80))[12:-12, 12:-12], 0, atol=1e-6)


def test_a_knoll_stands_above_its_surroundings_and_a_pit_below():
    dem = plane(61)
    dem[30, 30] += 10
    assert relief(dem, 5)[30, 30] > 9
    dem[30, 30] -= 20
    assert relief(dem, 5)[30, 30] < -9


def test_without_nodata_the_mean_is_scipys_gaussian_filter():
    dem = np.random.default_rng(1).normal(500, 20, (90, 90))
    np.testing.assert_allclose(
        gaussian_mean(dem, 3)[12:-12, 12:-12], ndimage.gaussian_filter(dem, 3)[12:-12, 12:-12]
    )


def test_nodata_has_no_weight():
    flat = np.full((40, 40), 700.0)
    flat[10:14, 10:25] = np.nan
    known = ~np.isnan(flat)
    np.testing.assert_allclose(gaussian_mean(flat, 4)[known], 700.0, rtol=1e-12)
    np.testing.assert_array_equal(np.isnan(roughness(flat)), ~known)


def test_roughness_is_the_standard_deviation_of_the_residual():
    dem = np.random.default_rng(2).normal(0, 1.5, (60, 60))
    residual = relief(dem, 2)
    assert roughness(dem)[30, 30] == pytest.approx(np.std(residual[28:33, 28:33]), rel=1e-9)

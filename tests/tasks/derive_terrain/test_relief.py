"""Relief, roughness and position of surfaces whose answer is known."""

import numpy as np
import pytest
from scipy import ndimage

from tasks.derive_terrain.relief import (
    RESIDUAL_SD,
    box_sum,
    gaussian_mean,
    gaussian_reach,
    local_relief,
    roughness,
    ruggedness,
    topographic_position,
    weight,
)


def plane(cells: int) -> np.ndarray:
    y, x = np.mgrid[0:cells, 0:cells]
    return 800.0 + 3.0 * x - 2.0 * y


@pytest.fixture
def rough() -> np.ndarray:
    """Random ground of float32 with holes."""
    dem = np.random.default_rng(6).normal(500, 20, (26, 31)).astype(np.float32)
    dem[4, 5] = dem[12:15, 9:20] = np.nan
    return dem


def relief(dem: np.ndarray, sd: float) -> np.ndarray:
    return dem - gaussian_mean(dem, sd)


def around(dem: np.ndarray, row: int, col: int, radius: int) -> np.ndarray:
    return dem[max(row - radius, 0) : row + radius + 1, max(col - radius, 0) : col + radius + 1].astype(float)


@pytest.mark.parametrize("sd", [2, 5])
def test_a_plane_has_no_relief_no_roughness_and_no_position(sd):
    inner = (slice(gaussian_reach(sd) + 2, -gaussian_reach(sd) - 2),) * 2
    np.testing.assert_allclose(relief(plane(80), sd)[inner], 0, atol=1e-9)
    np.testing.assert_allclose(roughness(relief(plane(80), sd))[inner], 0, atol=1e-6)
    np.testing.assert_allclose(topographic_position(plane(80), sd)[inner], 0, atol=1e-9)


def test_a_knoll_stands_above_its_surroundings_and_a_pit_below():
    dem = plane(61)
    for height in (10, -10):
        bumped = dem.copy()
        bumped[30, 30] += height
        assert relief(bumped, 5)[30, 30] / height > 0.9
        assert topographic_position(bumped, 5)[30, 30] == pytest.approx(height)


def test_without_nodata_the_mean_is_scipys_gaussian_filter():
    dem = np.random.default_rng(1).normal(500, 20, (90, 90))
    np.testing.assert_allclose(
        gaussian_mean(dem, 3)[12:-12, 12:-12], ndimage.gaussian_filter(dem, 3)[12:-12, 12:-12]
    )


def test_a_dem_of_float32_is_summed_in_float64(rough):
    assert gaussian_mean(rough, 2).tobytes() == gaussian_mean(rough.astype(np.float64), 2).tobytes()


def test_nodata_has_no_weight():
    flat = np.full((40, 40), 700.0)
    flat[10:14, 10:25] = np.nan
    known = ~np.isnan(flat)
    np.testing.assert_allclose(gaussian_mean(flat, 4)[known], 700.0, rtol=1e-12)
    np.testing.assert_array_equal(np.isnan(roughness(relief(flat, 2))), ~known)
    for of in (topographic_position, local_relief):
        np.testing.assert_allclose(of(flat, 4)[known], 0, atol=1e-9)
        np.testing.assert_array_equal(np.isnan(of(flat, 4)), ~known)


def test_roughness_is_the_standard_deviation_of_the_residual():
    residual = relief(np.random.default_rng(2).normal(0, 1.5, (60, 60)), RESIDUAL_SD)
    assert roughness(residual)[30, 30] == pytest.approx(np.std(residual[28:33, 28:33]), rel=1e-9)


@pytest.mark.parametrize("radius", [1, 4])
def test_position_and_local_relief_are_what_a_loop_over_the_cells_gives(rough, radius):
    position, height = topographic_position(rough, radius), local_relief(rough, radius)
    for row, col in np.argwhere(~np.isnan(rough)):
        here, cells = float(rough[row, col]), around(rough, row, col, radius)
        cells = cells[~np.isnan(cells)]
        expected = here - (cells.sum() - here) / (cells.size - 1)
        assert position[row, col] == pytest.approx(expected, abs=1e-9)
        assert height[row, col] == pytest.approx(np.ptp(cells), rel=1e-6)


def test_ruggedness_of_a_plane_follows_from_its_gradient():
    """Rises of 3 and 2 m a cell: two neighbours each at 3 and 2, and two each at 3 + 2 and 3 - 2."""
    expected = np.sqrt(2 * (3**2 + 2**2 + 5**2 + 1**2))
    np.testing.assert_allclose(ruggedness(plane(9))[1:-1, 1:-1], expected)


@pytest.mark.parametrize("shape", [(50, 30), (9, 9), (9, 40), (8, 30), (3, 3)])
def test_the_weight_without_nodata_is_the_filter_of_ones_bit_for_bit(shape):
    def smooth(values: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(values, 1, mode="constant")

    for filtered in (box_sum(4), smooth):
        found = weight(np.ones(shape, bool), filtered, 4)
        assert found.tobytes() == filtered(np.ones(shape)).tobytes()

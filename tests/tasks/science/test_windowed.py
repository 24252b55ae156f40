"""Windows with a halo equal the whole, for a function that sees as far as the halo."""

import numpy as np
import pytest
from scipy import ndimage

from tasks.contract.errors import BadData
from tasks.science.windowed import predicted, predicted_whole, with_halo
from tasks.science.windows import Window

SEES = 12


def mean_of_pooled(bands: np.ndarray) -> np.ndarray:
    """Like a network: pools 4 x 4, looks around, pads with zeros at the edge."""
    height, width, _ = bands.shape
    pooled = np.nan_to_num(bands[..., 0]).reshape(height // 4, 4, width // 4, 4).max(axis=(1, 3))
    seen = ndimage.uniform_filter(pooled.astype(np.float64), 5, mode="constant")
    return seen.repeat(4, axis=0).repeat(4, axis=1).astype(np.float32)


@pytest.fixture
def bands() -> np.ndarray:
    values = np.random.default_rng(1).normal(size=(96, 128, 2)).astype(np.float32)
    values[40:44, 60:70, 1] = np.nan
    return values


def test_windows_equal_the_whole_and_unknown_cells_stay_unknown(bands):
    whole = mean_of_pooled(bands)
    whole[np.isnan(bands).any(axis=-1)] = np.nan
    found = predicted_whole(bands, mean_of_pooled, halo=SEES, levels=2, size=32)
    np.testing.assert_allclose(found, whole, atol=1e-6)


def test_a_halo_too_small_shows(bands):
    whole = predicted_whole(bands, mean_of_pooled, halo=0, levels=2, size=128)
    seams = predicted_whole(bands, mean_of_pooled, halo=4, levels=2, size=32)
    assert np.nanmax(np.abs(seams - whole)) > 0.01


def test_a_halo_ends_at_the_raster_because_the_whole_is_padded_there_too():
    assert with_halo(Window(0, 64, 32, 32), 12, 96, 100) == Window(0, 52, 44, 48)


@pytest.mark.parametrize(("height", "size", "halo"), [(98, 32, 12), (96, 30, 12), (96, 32, 10)])
def test_what_is_off_the_pooling_grid_is_refused(bands, height, size, halo):
    with pytest.raises(BadData, match="grid of 4 cells"):
        next(predicted(lambda w: bands, mean_of_pooled, height, 128, halo=halo, levels=2, size=size))

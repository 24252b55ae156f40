"""The table of bands, and that windows equal the whole bit for bit."""

import numpy as np
import pytest

from tasks.contract.errors import InvalidParams
from tasks.derive_terrain.bands import Band, derive, halo
from tasks.science.windows import windows

EVERY = [
    "elevation",
    "slope",
    "curvature",
    "curvature_sd2",
    "curvature_sd4",
    "relief_sd5",
    "relief_sd15",
    "roughness",
]
BANDS = [Band.named(name) for name in EVERY]


@pytest.fixture(scope="module")
def hills() -> np.ndarray:
    """Rough ground with holes of one cell, of a block, and a ragged corner of nodata."""
    rng = np.random.default_rng(3)
    dem = (500 + rng.normal(0, 1, (300, 340)).cumsum(0).cumsum(1) / 10).astype(np.float32)
    dem[100, 130] = np.nan
    dem[140:170, 190:260] = np.nan
    dem[np.add.outer(np.arange(300), np.arange(340)) < 150] = np.nan
    return dem


@pytest.mark.parametrize("size", [48, 100])
def test_windows_equal_the_whole_bit_for_bit(hills, size):
    around = halo(BANDS)
    padded = np.pad(hills, around, constant_values=np.nan)
    inner = (slice(None), slice(around, -around), slice(around, -around))
    whole = derive(padded, BANDS, 10.0)[inner]
    pieces = np.empty_like(whole)
    for window in windows(*hills.shape, size):
        seen = padded[window.shifted(around, around).grown(around).slices]
        pieces[:, *window.slices] = derive(seen, BANDS, 10.0)[inner]
    assert pieces.tobytes() == whole.tobytes()


def test_a_smaller_halo_would_show(hills):
    band = [Band.named("relief_sd5")]
    around, dem = halo(band), hills[180:, 120:]
    short = derive(dem[1:-1, 1:-1], band, 10.0)[0, around - 1 : 1 - around, around - 1 : 1 - around]
    assert not np.array_equal(
        short, derive(dem, band, 10.0)[0, around:-around, around:-around], equal_nan=True
    )


def test_one_cell_around_nodata_is_nodata_in_every_band():
    dem = np.zeros((9, 9), np.float32)
    dem[4, 4] = np.nan
    for band in derive(dem, BANDS, 10.0):
        np.testing.assert_array_equal(np.argwhere(np.isnan(band)).min(0), [3, 3])
        assert np.isnan(band).sum() == 9


def test_reach_of_the_default_set():
    names = ("relief_sd15", "relief_sd5", "slope", "curvature", "curvature_sd2", "curvature_sd4", "roughness")
    assert [Band.named(name).reach for name in names] == [60, 20, 1, 1, 9, 17, 10]


@pytest.mark.parametrize("name", ["aspekt", "slope3", "relief_sd", "relief_sd0", "", "slope_sd2"])
def test_an_unknown_band_is_refused_with_what_there_is(name):
    with pytest.raises(InvalidParams, match=r"bands\.toml may name elevation, slope"):
        Band.named(name)

"""The table of bands, and that windows equal the whole bit for bit."""

import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tasks.contract.errors import InvalidParams
from tasks.derive_terrain.bands import FAMILIES, SCALED, Band, Ground, derive, halo
from tasks.science.windows import windows

SHIPPED = Path(__file__).resolve().parents[3] / "dags" / "config"
SCALES = {"curvature_sd": (2, 4), "relief_sd": (5, 15), "openness_positive_px": (1, 12)}
EVERY = [
    f"{family}{scale}"
    for family in FAMILIES
    for scale in (SCALES.get(family, (7,)) if family.endswith(SCALED) else ("",))
]
BANDS = [Band.named(name) for name in EVERY]


@pytest.fixture(scope="module")
def hills() -> np.ndarray:
    """Rough ground with a lake, holes of one cell and of a block, and a ragged corner of nodata."""
    rng = np.random.default_rng(3)
    dem = (500 + rng.normal(0, 1, (300, 340)).cumsum(0).cumsum(1) / 10).astype(np.float32)
    dem[30:80, 240:300] = 480
    dem[100, 130] = np.nan
    dem[140:170, 190:260] = np.nan
    dem[np.add.outer(np.arange(300), np.arange(340)) < 150] = np.nan
    return dem


@pytest.mark.parametrize("size", [48, 101])
def test_windows_equal_the_whole_bit_for_bit(hills, size):
    around = halo(BANDS)
    padded = np.pad(hills, around, constant_values=np.nan)
    inner = (slice(None), slice(around, -around), slice(around, -around))
    whole = derive(padded, BANDS, 10.0)[inner]
    pieces = np.empty_like(whole)
    for window in windows(*hills.shape, size):
        seen = padded[window.shifted(around, around).grown(around).slices]
        pieces[:, *window.slices] = derive(seen, BANDS, 10.0)[inner]
    for name, found, expected in zip(EVERY, pieces, whole, strict=True):
        assert found.tobytes() == expected.tobytes(), name
    np.testing.assert_array_equal(np.isfinite(whole).all(axis=0), np.isfinite(whole).any(axis=0))


@pytest.mark.parametrize("band", BANDS, ids=EVERY)
def test_a_cell_depends_on_those_within_reach_and_no_others(band):
    rng, middle = np.random.default_rng(8), band.reach + 2
    dem = rng.normal(500, 5, (2 * middle + 1,) * 2).astype(np.float32)
    away = np.abs(np.mgrid[: 2 * middle + 1, : 2 * middle + 1] - middle).max(axis=0)

    def moved(distance: int) -> np.float32:
        """The band in the middle, when the cells at this distance are elsewhere."""
        other = np.where(away == distance, dem + rng.normal(0, 3000, dem.shape), dem).astype(np.float32)
        return derive(other, [band], 10.0)[0, middle, middle]

    (before,) = derive(dem, [band], 10.0)
    assert moved(band.reach + 1) == before[middle, middle] != moved(band.reach)
    dem[away == band.reach + 2] = np.nan
    assert derive(dem, [band], 10.0)[0, middle, middle] == before[middle, middle]


def test_threads_get_what_one_alone_gets(hills):
    parts = [hills[row : row + 90, 150:330] for row in range(0, 210, 15)]
    names = ("slope", "northness", "planform_curvature", "relief_sd5", "openness_difference_px7")
    bands = [Band.named(name) for name in names]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda dem: derive(dem, bands, 10.0), parts))
    for dem, stack in zip(parts, found, strict=True):
        assert stack.tobytes() == derive(dem, bands, 10.0).tobytes()


def test_one_cell_around_nodata_is_nodata_in_every_band():
    dem = np.zeros((9, 9), np.float32)
    dem[4, 4] = np.nan
    for name, band in zip(EVERY, derive(dem, BANDS, 10.0)[:, 1:-1, 1:-1], strict=True):
        np.testing.assert_array_equal(np.argwhere(np.isnan(band)).min(0), [2, 2], name)
        assert np.isnan(band).sum() == 9, name


def test_form_and_direction_of_a_bent_slope_and_that_smoothing_leaves_its_curvature():
    """Heights 0.0002 x^2 - 0.0005 y^2 - 0.3 x: a spur that falls to the east and gets gentler there."""
    x, y = np.meshgrid(np.arange(-20, 21) * 10.0, np.arange(-20, 21) * 10.0)
    expected = {
        "slope": np.degrees(np.arctan(0.3)), "aspect": 90, "eastness": 1, "northness": 0,
        "profile_curvature": 0.04, "planform_curvature": 0.1, "curvature": 0.06, "curvature_sd2": 0.06,
    }  # fmt: skip
    stack = derive(0.0002 * x**2 - 0.0005 * y**2 - 0.3 * x, [Band.named(name) for name in expected], 10.0)
    np.testing.assert_allclose(stack[:, 20, 20], list(expected.values()), rtol=1e-5, atol=1e-6)


def test_the_top_of_a_knoll_is_above_in_every_band_of_position():
    y, x = np.mgrid[-40:41, -40:41]
    knoll = (500 + 60 * np.exp(-(x**2 + y**2) / 200)).astype(np.float32)
    level = {
        "openness_positive_px10": 90,
        "openness_difference_px10": 0,
        "tpi_px10": 0,
        "relief_sd5": 0,
        "curvature": 0,
    }
    bands = [Band.named(name) for name in (*level, "openness_negative_px10")]
    *above, negative = derive(knoll, bands, 10.0)[:, 40, 40]
    assert (np.array(above) > list(level.values())).all()
    assert negative < 90


def test_a_band_that_shares_its_work_is_the_same_alone(hills):
    together = derive(hills[80:140, 150:330], BANDS, 10.0)
    for band, values in zip(BANDS, together, strict=True):
        assert derive(hills[80:140, 150:330], [band], 10.0).tobytes() == values.tobytes(), band.name


def test_what_bands_share_is_computed_once():
    asked = []

    def doubled(dem: np.ndarray, scale: int) -> int:
        asked.append(scale)
        return 2 * scale

    ground = Ground(np.zeros((3, 3), np.float32), 10.0)
    assert [ground.once(doubled, scale) for scale in (2, 5, 2)] == [4, 10, 4]
    assert asked == [2, 5]


def test_reach_of_the_default_set():
    names = ("relief_sd15", "relief_sd5", "slope", "curvature", "curvature_sd2", "curvature_sd4", "roughness")
    assert [Band.named(name).reach for name in names] == [60, 20, 1, 1, 9, 17, 10]


def test_the_terrain_sets_that_ship_fit_into_the_margin_of_every_region_that_ships():
    sets = tomllib.loads((SHIPPED / "bands.toml").read_text())
    margins = [
        tomllib.loads(path.read_text()).get("margin_px", 128) for path in (SHIPPED / "regions").glob("*.toml")
    ]
    for name in ("seed", "default", "red_relief", "terrain"):
        assert halo([Band.named(band) for band in sets[name]["bands"]]) <= min(margins)


def test_a_description_names_its_scale():
    assert Band.named("tpi_px5").description.endswith("within 5 cells (Weiss 2001)")
    assert Band.named("relief_sd15").description == "elevation less its Gaussian mean, sd 15 cells"


@pytest.mark.parametrize(
    "name", ["aspekt", "slope3", "relief_sd", "relief_sd0", "", "slope_sd2", "tpi_px", "tpi_px05", "tpi5"]
)
def test_an_unknown_band_is_refused_with_what_there_is(name):
    with pytest.raises(InvalidParams, match=r"bands\.toml may name elevation, slope, .*relief_sdN.* tpi_pxN"):
        Band.named(name)

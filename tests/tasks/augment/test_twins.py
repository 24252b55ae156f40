"""Twins keep a tile and its mask together, by draws of the tile's own."""

from collections import Counter

import numpy as np
import pytest

from tasks.augment.recipe import twins
from tasks.augment.spec import Params
from tasks.contract.errors import InvalidParams

CRS = "EPSG:32610"
BANDS = ["mask", "noise"]
PLACES = [(64 * row, 64 * col) for row in range(-10, 10) for col in range(5)]


@pytest.fixture
def tiles() -> tuple[np.ndarray, np.ndarray]:
    """A hundred images whose first band is the mask, with a hole of NaN that the mask leaves unknown."""
    rng = np.random.default_rng(1)
    mask = (rng.random((100, 32, 32)) > 0.8).astype(np.uint8)
    mask[:, 5:9, 20:30] = 255
    image = np.stack([mask, rng.random(mask.shape)], axis=-1).astype(np.float32)
    image[mask == 255] = np.nan
    return image, mask


def expected(tile: np.ndarray, left_right: bool, up_down: bool, quarter_turns: int) -> np.ndarray:
    tile = tile[:, ::-1] if left_right else tile
    return np.rot90(tile[::-1] if up_down else tile, quarter_turns)


@pytest.mark.parametrize("rotations", [False, True])
def test_image_and_mask_stay_aligned_and_the_turns_are_those_recorded(tiles, rotations):
    images, masks = tiles
    params = Params(flips=0.5, rotations=rotations)
    twin_images, twin_masks, turns = twins(images, masks, PLACES, CRS, BANDS, params)
    seen = Counter()
    for n in range(100):
        given = bool(turns.left_right[n]), bool(turns.up_down[n]), int(turns.quarter_turns[n])
        np.testing.assert_array_equal(twin_masks[n], expected(masks[n], *given))
        np.testing.assert_array_equal(twin_images[n], expected(images[n], *given))
        seen[given] += 1
    np.testing.assert_array_equal(np.isnan(twin_images[..., 0]), twin_masks == 255)
    assert (twin_images.dtype, twin_masks.dtype) == (np.float32, np.uint8)
    assert len(seen) == (16 if rotations else 4)


def test_each_flip_is_drawn_half_the_time(tiles):
    places = [(row, col) for row in range(10) for col in range(10)]
    _, _, turns = twins(*tiles, places, CRS, BANDS, Params())
    assert 30 < turns.left_right.sum() < 70
    assert 30 < turns.up_down.sum() < 70


@pytest.mark.parametrize(
    "more", [{}, {"rotations": True, "shift": (("noise", 5.0),), "noise": (("mask", 0.1),)}]
)
def test_a_twin_depends_on_seed_and_place_not_on_its_neighbours(tiles, more):
    images, masks = tiles
    params = Params(**more)
    at_once, labels, _ = twins(images, masks, PLACES, CRS, BANDS, params)
    for n in (7, 3, 50):
        alone, label, _ = twins(images[n : n + 1], masks[n : n + 1], PLACES[n : n + 1], CRS, BANDS, params)
        assert alone[0].tobytes() == at_once[n].tobytes()
        assert label[0].tobytes() == labels[n].tobytes()
    other, _, _ = twins(images, masks, PLACES, CRS, BANDS, Params(**more, seed=2))
    assert other.tobytes() != at_once.tobytes()


def test_directions_turn_with_the_ground(tiles):
    """The downhill direction of a turned surface is the turned downhill direction."""
    rows, cols = np.mgrid[0:9, 0:9].astype(np.float32)
    heights = 0.5 * cols**1.5 - 0.2 * rows**1.3 + 0.05 * rows * cols

    def bands(z):
        south, east = np.gradient(z)
        length = np.hypot(south, east)
        aspect = np.degrees(np.arctan2(-east, south)) % 360
        return np.stack([z, -east / length, south / length, aspect], axis=-1).astype(np.float32)

    images = np.stack([bands(heights)] * 100)
    found, _, turns = twins(
        images,
        np.zeros((100, 9, 9), np.uint8),
        PLACES,
        CRS,
        ["elevation", "eastness", "northness", "aspect"],
        Params(rotations=True),
    )
    assert len({*zip(turns.left_right, turns.up_down, turns.quarter_turns, strict=True)}) > 12
    for twin in found:
        again = bands(twin[..., 0])
        np.testing.assert_allclose(twin[..., :3], again[..., :3], atol=1e-4)
        apart = (twin[..., 3] - again[..., 3] + 180) % 360 - 180
        np.testing.assert_allclose(apart, 0, atol=0.01)


def test_flat_ground_faces_nowhere_however_it_is_turned(tiles):
    flat = np.full((100, 8, 8, 1), -1, np.float32)
    masks = np.zeros((100, 8, 8), np.uint8)
    found, _, _ = twins(flat, masks, PLACES, CRS, ["aspect"], Params(rotations=True))
    np.testing.assert_array_equal(found, flat)


def test_a_shift_moves_a_whole_tile_within_its_amount_and_no_other_band(tiles):
    images, masks = tiles
    params = Params(flips=0, shift=(("noise", 5.0),))
    shifted, _, _ = twins(images, masks, PLACES, CRS, BANDS, params)
    np.testing.assert_array_equal(shifted[..., 0], images[..., 0])
    by = shifted[..., 1] - images[..., 1]
    drawn = np.nanmean(by, axis=(1, 2))
    np.testing.assert_allclose(np.nanmax(by, axis=(1, 2)), np.nanmin(by, axis=(1, 2)), atol=1e-5)
    assert 3 < abs(drawn).max() <= 5
    assert drawn.min() < 0 < drawn.max()


def test_noise_has_the_standard_deviation_asked_for(tiles):
    images, masks = tiles
    noisy, labels, _ = twins(images, masks, PLACES, CRS, BANDS, Params(flips=0, noise=(("noise", 0.5),)))
    np.testing.assert_array_equal(labels, masks)
    added = (noisy - images)[..., 1]
    assert np.nanstd(added) == pytest.approx(0.5, rel=0.02)
    assert np.nanmean(added) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flips": 1.5}, "flips must be a probability"),
        ({"flips": 0}, "twins that are their tiles"),
        ({"rotations": 1}, "rotations must be true or false"),
        ({"shift": (("elevation", -1.0),)}, "elevation = -1.0"),
        ({"noise": (("slope", "much"),)}, "slope = 'much'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InvalidParams, match=message):
        Params(**settings)

"""Flips keep a tile and its mask together."""

from collections import Counter

import numpy as np
import pytest

from tasks.augment.flips import Flips

CRS = "EPSG:32610"
FLIPPED = {(): (), ("left_right",): (1,), ("up_down",): (0,), ("left_right", "up_down"): (0, 1)}


@pytest.fixture
def tile() -> tuple[np.ndarray, np.ndarray]:
    """An image whose first band is the mask, with a hole of NaN that the mask leaves unknown."""
    rng = np.random.default_rng(1)
    mask = (rng.random((64, 64)) > 0.8).astype(np.uint8)
    mask[5:9, 40:50] = 255
    image = np.stack([mask, rng.random((64, 64))], axis=-1).astype(np.float32)
    image[mask == 255] = np.nan
    return image, mask


def test_image_and_mask_stay_aligned_and_the_flips_are_those_recorded(tile):
    image, mask = tile
    seen = Counter()
    for row in range(40):
        twin, labels, drawn = Flips(0.5, 1, CRS, ["mask", "noise"])(image.copy(), mask.copy(), row, 7)
        np.testing.assert_array_equal(labels, np.flip(mask, FLIPPED[drawn]))
        np.testing.assert_array_equal(twin, np.flip(image, FLIPPED[drawn]))
        np.testing.assert_array_equal(np.isnan(twin[..., 0]), labels == 255)
        assert (twin.dtype, labels.dtype) == (np.float32, np.uint8)
        seen[drawn] += 1
    assert set(seen) == set(FLIPPED)


def test_each_flip_is_drawn_half_the_time(tile):
    flips = Flips(0.5, 3, CRS, ["mask", "noise"])
    drawn = [flips(*tile, row, col)[2] for row in range(25) for col in range(20)]
    assert 200 < sum("left_right" in d for d in drawn) < 300
    assert 200 < sum("up_down" in d for d in drawn) < 300


def test_a_draw_depends_on_seed_and_place_not_on_what_came_before(tile):
    one, other = Flips(0.5, 1, CRS, ["a", "b"]), Flips(0.5, 1, CRS, ["a", "b"])
    forward = [one(*tile, row, 0)[2] for row in range(20)]
    backward = [other(*tile, row, 0)[2] for row in reversed(range(20))]
    assert forward == backward[::-1]
    assert forward != [Flips(0.5, 2, CRS, ["a", "b"])(*tile, row, 0)[2] for row in range(20)]


def test_directions_turn_with_the_mirror():
    bands = ["slope", "northness", "eastness"]
    image = np.full((64, 64, 3), 0.5, np.float32)
    for row in range(20):
        twin, _, drawn = Flips(0.5, 1, CRS, bands)(image.copy(), np.zeros((64, 64), np.uint8), row, 0)
        expected = [0.5, -0.5 if "up_down" in drawn else 0.5, -0.5 if "left_right" in drawn else 0.5]
        np.testing.assert_array_equal(twin[0, 0], expected)

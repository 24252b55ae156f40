"""Crops come from the training split, half of them round a positive cell, in all eight turns."""

import numpy as np
import pytest

from tasks.contract.errors import BadData
from tasks.train_unet.sampling import Crops, Mosaic, turned

NONE = (np.zeros((0, 16, 16, 1), np.float32), np.zeros((0, 16, 16), np.uint8))


@pytest.fixture
def mosaic() -> Mosaic:
    """Each cell's band is its own number; the right half is of another split."""
    mask = np.zeros((96, 96), np.uint8)
    mask[40:44, 20:24] = 1
    mask[:, 48:] = 255
    return Mosaic(np.arange(96 * 96, dtype=np.float32).reshape(96, 96, 1), mask)


def crops(mosaic: Mosaic, **options) -> Crops:
    settings = {"size": 16, "positive_share": 0.5, "augmented_share": 0.0, "seed": 1, **options}
    return Crops([mosaic], settings.pop("augmented", NONE), ["number"], **settings)


def test_a_crop_shows_the_mask_of_its_own_cells(mosaic):
    images, masks = crops(mosaic).batch(0, 32)
    numbers = images[..., 0].astype(int)
    np.testing.assert_array_equal(masks[..., 0], mosaic.mask.ravel()[numbers])


def test_half_the_crops_hold_a_positive_and_every_crop_a_training_cell(mosaic):
    _, masks = crops(mosaic).batch(0, 600)
    centred = (masks == 1).any(axis=(1, 2, 3)).mean()
    assert 0.5 < centred < 0.65  # some of the others do by chance
    assert (masks != 255).any(axis=(1, 2, 3)).all()


def test_a_batch_depends_on_its_number_and_the_seed_only(mosaic):
    fresh, used = crops(mosaic), crops(mosaic)
    used.batch(0, 8)
    np.testing.assert_array_equal(fresh.batch(5, 8)[0], used.batch(5, 8)[0])
    assert (fresh.batch(5, 8)[0] != fresh.batch(6, 8)[0]).any()
    assert (fresh.batch(5, 8)[0] != crops(mosaic, seed=2).batch(5, 8)[0]).any()


def test_augmented_tiles_enter_in_their_share(mosaic):
    marked = (np.full((3, 16, 16, 1), -1, np.float32), np.zeros((3, 16, 16), np.uint8))
    images, _ = crops(mosaic, augmented=marked, augmented_share=0.25).batch(0, 800)
    assert (images[:, 0, 0, 0] == -1).mean() == pytest.approx(0.25, abs=0.05)


def test_regions_are_drawn_by_their_training_cells(mosaic):
    small = Mosaic(np.full((16, 16, 1), -1, np.float32), np.zeros((16, 16), np.uint8))
    both = Crops([mosaic, small], NONE, ["number"], size=16, positive_share=0.0, augmented_share=0, seed=1)
    images, _ = both.batch(0, 2000)
    expected = 256 / (256 + 96 * 48)
    assert (images[:, 0, 0, 0] == -1).mean() == pytest.approx(expected, abs=0.015)


def test_no_positive_cell_is_refused(mosaic):
    with pytest.raises(BadData, match="no positive cell in the training split"):
        crops(Mosaic(mosaic.bands, np.zeros_like(mosaic.mask)))


def test_the_eight_turns_are_all_different_and_keep_image_and_mask_together():
    image = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    seen = set()
    for turn in range(8):
        turned_image, turned_mask = turned(image, image[..., 0].astype(np.uint8), turn, ["slope"])
        np.testing.assert_array_equal(turned_image[..., 0], turned_mask)
        seen.add(turned_image.tobytes())
    assert len(seen) == 8


@pytest.mark.parametrize("turn", range(8))
def test_directions_turn_with_the_ground(turn):
    """The downhill direction of a turned surface is the turned downhill direction."""
    rows, cols = np.mgrid[0:9, 0:9].astype(np.float32)
    heights = 0.5 * cols**1.5 - 0.2 * rows**1.3 + 0.05 * rows * cols

    def bands(z):
        south, east = np.gradient(z)
        length = np.hypot(south, east)
        return np.stack([z, -east / length, south / length], axis=-1)

    blank = np.zeros((9, 9), np.uint8)
    found, _ = turned(bands(heights), blank, turn, ["elevation", "eastness", "northness"])
    np.testing.assert_allclose(found, bands(found[..., 0]), atol=1e-5)

"""Training itself: repeatable, and over when it should be."""

import keras
import numpy as np
import pytest

from tasks.train_unet import training, unet
from tasks.train_unet.normalisation import BandScaling
from tasks.train_unet.sampling import Crops, Mosaic
from tasks.train_unet.spec import Params

SCALINGS = (BandScaling("slope", "linear", 0.0, 1.0, 0.0, 1.0, -5.0, 5.0),)
PARAMS = Params(model="toys", levels=1, base=2, crop_px=16, batch=4, steps=6, epochs=2, patience=1)
NONE = (np.zeros((0, 16, 16, 1), np.float32), np.zeros((0, 16, 16), np.uint8))


def data() -> tuple[np.ndarray, np.ndarray]:
    bands = np.random.default_rng(1).normal(size=(64, 64, 1)).astype(np.float32)
    return bands, (bands[..., 0] > 1).astype(np.uint8)


def weights() -> list[np.ndarray]:
    keras.utils.set_random_seed(PARAMS.seed)
    network = unet.build(SCALINGS, levels=1, base=2, momentum=0.9, output_bias=-2.5)
    bands, mask = data()
    crops = Crops(
        [Mosaic(bands, mask)], NONE, ["slope"], size=16, positive_share=0.5, augmented_share=0.0, seed=1
    )
    training.fit_crops(network, PARAMS, crops, (bands[None], mask[None, ..., None]))
    return network.get_weights()


def test_the_same_seed_and_data_give_the_same_weights():
    for one, other in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_epoch_draws_crops_that_no_epoch_before_has_drawn():
    bands, mask = data()
    crops = Crops(
        [Mosaic(bands, mask)], NONE, ["slope"], size=16, positive_share=0.5, augmented_share=0.0, seed=1
    )
    batches = training.CropBatches(crops, batch=4, steps=3)
    first = batches[0][0]
    batches.on_epoch_end()
    assert (batches[0][0] != first).any()
    np.testing.assert_array_equal(batches[0][0], crops.batch(3, 4)[0])


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero():
    rate = training.learning_rate(Params(model="toys", learning_rate=2e-3, warmup_share=0.05), 200)
    rates = [float(rate(step)) for step in (0, 10, 105, 200)]
    assert rates == pytest.approx([0, 2e-3, 1e-3, 0], abs=1e-6)

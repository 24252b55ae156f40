"""The network: how far it sees, and that a map made in windows equals the map made whole."""

import keras
import numpy as np
import pytest

from tasks.science.reach import halo_px, reach_px
from tasks.science.windowed import predicted_whole
from tasks.train_unet import unet
from tasks.train_unet.normalisation import BandScaling
from tasks.train_unet.training import predictor

PLAIN = (BandScaling("a", "linear", 0.0, 1.0, 0.0, 1.0, -9.0, 9.0),)


# The same sums, taken in another order by another kernel of the processor: a few units in the last place below 1.
LAST_BITS = 8 * 2.0**-24


def network(levels: int, bands: tuple[BandScaling, ...] = PLAIN, *, trained: bool = False) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = unet.build(bands, levels=levels, base=4, momentum=0.9, output_bias=-1.0)
    if trained:
        images = np.random.default_rng(1).normal(size=(8, 64, 64, len(bands))).astype(np.float32)
        model.compile("adam", "mse")
        model.fit(images, images[..., :1], epochs=3, verbose=0)
    return model


def blind_to_order(model: keras.Model) -> None:
    """All weights positive, so that no two ways through the network cancel out and every cell read shows."""
    model.set_weights([np.abs(weight) + 0.01 for weight in model.get_weights()])


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_no_output_depends_on_a_cell_further_than_the_reach_and_some_does_at_it(levels):
    model = network(levels)
    blind_to_order(model)
    size = 4 * halo_px(levels)
    cells = range(size // 2, size // 2 + 2**levels)  # every place in the pooling grid
    ground = np.full((1, size, size, 1), 0.1, np.float32)
    before = model.predict_on_batch(ground)
    furthest = 0
    for cell in cells:
        changed = ground.copy()
        changed[0, cell, size // 2] += 1.0
        rows = np.flatnonzero((model.predict_on_batch(changed) != before)[0, :, :, 0].any(axis=1))
        furthest = max(furthest, cell - rows.min(), rows.max() - cell)
    assert furthest == reach_px(levels)


@pytest.mark.parametrize("trained", [False, True])
def test_windows_with_the_halo_equal_the_whole_exactly(trained):
    levels = 3
    predict = predictor(network(levels, trained=trained))
    bands = np.random.default_rng(2).normal(size=(320, 384, 1)).astype(np.float32)
    whole = predicted_whole(bands, predict, halo=halo_px(levels), levels=levels, size=512)
    seams = predicted_whole(bands, predict, halo=halo_px(levels), levels=levels, size=128)
    assert np.ptp(whole) > 0.01
    np.testing.assert_allclose(seams, whole, rtol=0, atol=LAST_BITS)


def test_four_levels_with_a_halo_of_112_equal_the_whole_and_with_48_do_not():
    predict = predictor(network(4, trained=True))
    bands = np.random.default_rng(3).normal(size=(512, 512, 1)).astype(np.float32)
    whole = predict(bands)
    exact = predicted_whole(bands, predict, halo=112, levels=4, size=128)
    short = predicted_whole(bands, predict, halo=48, levels=4, size=128)
    np.testing.assert_allclose(exact, whole, rtol=0, atol=LAST_BITS)
    assert np.abs(short - whole).max() > 1e-3


SCALINGS = (
    BandScaling("slope", "linear", 20.0, 1.0, 20.0, 10.0, -5.0, 5.0),
    BandScaling("curvature", "asinh", 0.5, 2.0, 0.1, 1.5, -5.0, 5.0),
    BandScaling("roughness", "log", 0.3, 1.0, -1.0, 0.7, -2.0, 2.0),
)


def test_physical_units_become_what_the_scaling_says():
    values = np.array([[[[20.0, 0.0, 0.5], [400.0, -30.0, 0.0]]]], np.float32)
    found = keras.ops.convert_to_numpy(unet.Normalise(SCALINGS)(values))[0, 0]
    np.testing.assert_allclose(found[0], [0, -0.1 / 1.5, (np.log(0.5) + 1) / 0.7], rtol=1e-5)
    np.testing.assert_allclose(found[1], [5, (np.arcsinh(-15) - 0.1) / 1.5, -2], rtol=1e-5)


def test_an_unknown_cell_counts_as_the_centre_of_its_band():
    centre = np.array([[[[20.0, 0.5, 0.3]]]], np.float32)
    layer = unet.Normalise(SCALINGS)
    known, unknown = (keras.ops.convert_to_numpy(layer(v)) for v in (centre, np.full_like(centre, np.nan)))
    np.testing.assert_array_equal(known, unknown)


def test_normalising_has_nothing_to_train():
    assert not unet.Normalise(SCALINGS).weights

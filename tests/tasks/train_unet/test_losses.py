"""Losses against numbers by hand; unknown cells weigh nothing."""

import numpy as np
import pytest
import tensorflow as tf

from tasks.train_unet.losses import LOSSES, bce, dice

MASK = np.array([1, 0, 0, 255], np.uint8).reshape(1, 2, 2, 1)
PROBABILITY = np.array([0.8, 0.1, 0.4, 0.9], np.float32).reshape(1, 2, 2, 1)
LOGITS = np.log(PROBABILITY / (1 - PROBABILITY))


def test_cross_entropy_by_hand():
    expected = -(np.log(0.8) + np.log(0.9) + np.log(0.6)) / 3
    assert float(bce(MASK, LOGITS)) == pytest.approx(expected, rel=1e-5)


def test_dice_by_hand():
    assert float(dice(MASK, LOGITS)) == pytest.approx(1 - (2 * 0.8 + 1) / (0.8 + 0.1 + 0.4 + 1 + 1), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_flows_back_from_unknown_cells(name):
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = LOSSES[name](tf.constant(MASK), logits)
    gradient = tape.gradient(loss, logits).numpy()
    assert gradient[0, 1, 1, 0] == 0
    assert (gradient.ravel()[:3] != 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_a_known_cell_is_no_nan(name):
    assert np.isfinite(float(LOSSES[name](np.full_like(MASK, 255), LOGITS)))

"""Losses over the cells whose truth is known; 255 in the mask weighs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

UNKNOWN = 255
Loss = Callable[[Any, Any], Any]


def _known(mask: Any) -> tuple[Any, Any]:
    """Truth (0 or 1) and weight (1 where the truth is known, else 0) as float32."""
    weight = tf.cast(tf.not_equal(mask, UNKNOWN), tf.float32)
    return tf.cast(tf.equal(mask, 1), tf.float32), weight


def bce(mask: Any, logits: Any) -> Any:
    """Mean binary cross-entropy over the known cells of the batch."""
    truth, weight = _known(mask)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=truth, logits=logits)
    return tf.reduce_sum(entropy * weight) / tf.maximum(tf.reduce_sum(weight), 1.0)


def dice(mask: Any, logits: Any) -> Any:
    """One minus the soft Dice coefficient over the known cells of the batch (Milletari et al. 2016)."""
    truth, weight = _known(mask)
    probability = tf.sigmoid(logits) * weight
    overlap = 2.0 * tf.reduce_sum(probability * truth)
    total = tf.reduce_sum(probability) + tf.reduce_sum(truth * weight)
    return 1.0 - (overlap + 1.0) / (total + 1.0)


def bce_dice(mask: Any, logits: Any) -> Any:
    """Cross-entropy for calibrated slopes, Dice so that a rare class is not drowned."""
    return bce(mask, logits) + dice(mask, logits)


LOSSES: dict[str, Loss] = {"bce": bce, "bce_dice": bce_dice}

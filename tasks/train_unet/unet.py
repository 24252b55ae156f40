"""The network: a fully convolutional U-Net (Ronneberger et al. 2015) that takes physical units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from tasks.train_unet.normalisation import LOG_FLOOR, BandScaling


class Normalise(layers.Layer):
    """Physical units to numbers of about one, with constants that no training changes; NaN-safe."""

    def __init__(self, scalings: Sequence[BandScaling], **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self.scalings = tuple(scalings)

    def call(self, inputs: Any) -> Any:
        """(B, H, W, C) in units of the bands, to the same shape normalised."""
        return ops.stack([self._band(inputs[..., i], s) for i, s in enumerate(self.scalings)], axis=-1)

    @staticmethod
    def _band(values: Any, scaling: BandScaling) -> Any:
        values = ops.where(ops.isfinite(values), values, scaling.centre)
        if scaling.curve == "asinh":
            values = ops.arcsinh(values / scaling.unit)
        elif scaling.curve == "log":
            values = ops.log(ops.maximum(values, LOG_FLOOR))
        return ops.clip((values - scaling.offset) / scaling.scale, scaling.low, scaling.high)


def _scale_block(x: Any, filters: int, momentum: float) -> Any:
    """Two 3x3 convolutions: as many as tasks.science.reach reckons with."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.BatchNormalization(momentum=momentum)(x)
        x = layers.ReLU()(x)
    return x


def build(
    scalings: Sequence[BandScaling], *, levels: int, base: int, momentum: float, output_bias: float
) -> keras.Model:
    """Bands (B, H, W, C) in physical units to logits (B, H, W, 1); H and W are multiples of 2^levels.

    `output_bias` starts the network near the base rate of a rare class instead of at one half.
    """
    bands = keras.Input((None, None, len(scalings)), name="bands", dtype="float32")
    x = Normalise(scalings, dtype="float32", name="normalise")(bands)
    skips = []
    for level in range(levels):
        x = _scale_block(x, base * 2**level, momentum)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = _scale_block(x, base * 2**levels, momentum)
    for level in reversed(range(levels)):
        x = layers.Conv2DTranspose(base * 2**level, 2, strides=2)(x)
        x = layers.Concatenate()([skips[level], x])
        x = _scale_block(x, base * 2**level, momentum)
    logits = layers.Conv2D(
        1, 1, bias_initializer=keras.initializers.Constant(output_bias), dtype="float32", name="logits"
    )(x)
    return keras.Model(bands, logits, name="unet")

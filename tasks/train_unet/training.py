"""Fit the network: the same seed, data and machine give the same weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tasks.train_unet.losses import LOSSES
from tasks.train_unet.sampling import Crops, Images, Masks
from tasks.train_unet.spec import Params

History = dict[str, list[float]]


class CropBatches(keras.utils.PyDataset):
    """An epoch of crops; the next epoch goes on where this one ended, so no crop is drawn twice."""

    def __init__(self, crops: Crops, batch: int, steps: int) -> None:
        super().__init__()
        self.crops, self.batch, self.steps, self.epoch = crops, batch, steps, 0

    def __len__(self) -> int:
        """Steps of an epoch."""
        return self.steps

    def __getitem__(self, index: int) -> tuple[Images, Masks]:
        """Batch `index` of the running epoch."""
        return self.crops.batch(self.epoch * self.steps + index, self.batch)

    def on_epoch_end(self) -> None:
        """Go on with crops not seen yet."""
        self.epoch += 1


def learning_rate(params: Params, steps: int) -> Any:
    """Constant, or a linear warm-up and a cosine down to zero (Loshchilov and Hutter 2017)."""
    if params.schedule == "constant":
        return params.learning_rate
    warmup = max(1, round(params.warmup_share * steps))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), warmup_target=params.learning_rate, warmup_steps=warmup
    )


def stopping(params: Params) -> list[keras.callbacks.Callback]:
    """Stop when the validation loss has not improved for `patience` epochs and keep the best; 0 never stops."""
    if not params.patience:
        return []
    return [keras.callbacks.EarlyStopping(patience=params.patience, restore_best_weights=True)]


def fit_crops(
    network: keras.Model, params: Params, crops: Crops, validation: tuple[Images, Masks]
) -> History:
    """Train for a number of steps on random crops, or until `patience` ends it (see `stopping`)."""
    per_epoch = params.steps // params.epochs
    optimizer = keras.optimizers.Adam(learning_rate(params, per_epoch * params.epochs))
    network.compile(optimizer=optimizer, loss=LOSSES[params.loss])
    batches = CropBatches(crops, params.batch, per_epoch)
    fitted = network.fit(
        batches,
        epochs=params.epochs,
        validation_data=validation,
        callbacks=stopping(params),
        verbose=2,
        shuffle=False,
    )
    return fitted.history


def fit_tiles(
    network: keras.Model, params: Params, tiles: tuple[Images, Masks], validation: tuple[Images, Masks]
) -> History:
    """Train on whole tiles for a number of epochs, or until `patience` ends it (see `stopping`)."""
    steps = -(-len(tiles[0]) // params.batch) * params.epochs
    optimizer = keras.optimizers.Adam(learning_rate(params, steps))
    network.compile(optimizer=optimizer, loss=LOSSES[params.loss])
    return network.fit(
        *tiles,
        batch_size=params.batch,
        epochs=params.epochs,
        validation_data=validation,
        callbacks=stopping(params),
        verbose=2,
    ).history


def predictor(network: keras.Model) -> Any:
    """Bands (h, w, C) to probability (h, w), in process."""
    import tensorflow as tf

    step = tf.function(lambda bands: tf.sigmoid(network(bands, training=False)), reduce_retracing=True)

    def predict(bands: NDArray[np.float32]) -> NDArray[np.float32]:
        return step(tf.constant(bands[None]))[0, ..., 0].numpy()

    return predict

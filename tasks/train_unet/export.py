"""The network as a SavedModel that takes physical units and gives a probability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf


def save(network: keras.Model, folder: Path, bands: int) -> None:
    """Write `folder`: signature serving_default, `bands` (B, H, W, C) -> `probability` (B, H, W, 1), float32."""

    def probability(bands: Any) -> dict[str, Any]:
        return {"probability": tf.sigmoid(network(bands, training=False))}

    archive = keras.export.ExportArchive()
    archive.track(network)
    takes = tf.TensorSpec((None, None, None, bands), tf.float32, name="bands")
    archive.add_endpoint("serving_default", probability, input_signature=[takes])
    archive.write_out(str(folder), verbose=False)

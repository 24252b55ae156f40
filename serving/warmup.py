"""Warm-up requests inside a SavedModel: a server replays them before it calls the version AVAILABLE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"


def write_warmup(
    saved_model_dir: Path, array: NDArray[np.float32], model_name: str, input_name: str = "bands"
) -> Path:
    """Write one request with `array` (B, H, W, C) to the SavedModel's serving_default; returns the file."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    log: Any = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = model_name
    request.model_spec.signature_name = "serving_default"
    request.inputs[input_name].CopyFrom(tf.make_tensor_proto(np.ascontiguousarray(array, np.float32)))
    path = Path(saved_model_dir) / WARMUP_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
    return path

"""A loaded SavedModel: its signatures, the check of a request against them, and the run."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving.model_server.errors import CODE_OF_NUMBER, ServingError, invalid
from serving.warmup import WARMUP_FILE

DEFAULT_SIGNATURE = "serving_default"
WARMUP_MAX = 1000

Arrays = dict[str, NDArray[np.generic]]
log = logging.getLogger(__name__)


class LoadedModel:
    """One version in memory. Loading raises whatever TensorFlow raises for a broken SavedModel."""

    def __init__(self, folder: Path) -> None:
        self.signatures = _signatures(folder)
        self._loaded = tf.saved_model.load(str(folder), tags=["serve"])
        self._warm_up(folder / WARMUP_FILE)

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """The named signature (`serving_default` where none is named)."""
        name = name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            raise ServingError(
                grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
            )
        return self.signatures[name]

    def predict(self, signature: str, inputs: Arrays, outputs: Collection[str] = ()) -> Arrays:
        """Run a signature on inputs that fit it; `outputs` filters what comes back.

        A tensor of the wrong rank aborts the process inside oneDNN, so everything is checked before it is run.
        """
        definition = self.signature(signature)
        check_inputs(definition, inputs)
        wanted = _wanted_outputs(definition, outputs)
        function = self._loaded.signatures[signature or DEFAULT_SIGNATURE]
        try:
            results = function(**{name: tf.constant(array) for name, array in inputs.items()})
        except tf.errors.OpError as error:
            code = CODE_OF_NUMBER.get(error.error_code, grpc.StatusCode.INTERNAL)
            raise ServingError(code, error.message) from error
        return {name: results[name].numpy() for name in wanted}

    def _warm_up(self, file: Path) -> None:
        if not file.is_file():
            return
        for record in tf.data.TFRecordDataset(str(file)).take(WARMUP_MAX).as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            self.predict(request.model_spec.signature_name, arrays_of(request))


def check_inputs(definition: meta_graph_pb2.SignatureDef, inputs: Mapping[str, NDArray[np.generic]]) -> None:
    """Refuse (INVALID_ARGUMENT) inputs whose names, dtypes or shapes are not the signature's."""
    expected = set(definition.inputs)
    if set(inputs) != expected:
        raise invalid(
            f"input size does not match signature: {len(inputs)}!={len(expected)}. "
            f"Sent extra: {sorted(set(inputs) - expected)}. Missing but required: {sorted(expected - set(inputs))}."
        )
    for name, array in inputs.items():
        dtype = tf.as_dtype(definition.inputs[name].dtype)
        shape = tf.TensorShape(definition.inputs[name].tensor_shape)
        if array.dtype != dtype.as_numpy_dtype:
            raise invalid(f"input {name}: expected dtype {dtype.name}, found {array.dtype}")
        if not shape.is_compatible_with(array.shape):
            raise invalid(f"input {name}: expected shape {shape}, found {array.shape}")
        if array.size == 0:
            raise invalid(f"input {name} is empty: shape {array.shape}")


def arrays_of(request: predict_pb2.PredictRequest, max_bytes: int | None = None) -> Arrays:
    """The tensors of a request as arrays; INVALID_ARGUMENT for one that does not hold what it declares.

    A few bytes can declare a tensor of any size (one value stands for all), hence the bound before decoding.
    """
    arrays: Arrays = {}
    for name, tensor in request.inputs.items():
        dims = [d.size for d in tensor.tensor_shape.dim]
        if min(dims, default=0) < 0 or tensor.tensor_shape.unknown_rank:
            raise invalid(f"input {name}: the shape of a tensor must be known, found {dims}")
        try:
            item_bytes = tf.as_dtype(tensor.dtype).size or 1
            if max_bytes is not None and _product(dims) * item_bytes > max_bytes:
                raise invalid(f"input {name}: {dims} is more than the {max_bytes} bytes a message may hold")
            arrays[name] = tf.make_ndarray(tensor)
        except (ValueError, TypeError) as error:
            raise invalid(f"input {name} is not a readable tensor: {error}") from error
    return arrays


def _product(dims: list[int]) -> int:
    size = 1  # Python's integers do not overflow, NumPy's would
    for dim in dims:
        size *= dim
    return size


def _wanted_outputs(definition: meta_graph_pb2.SignatureDef, outputs: Collection[str]) -> list[str]:
    unknown = set(outputs) - set(definition.outputs)
    if unknown:
        raise invalid(
            f"output tensor alias not found in signature: {sorted(unknown)}. "
            f"Outputs expected to be in the set {sorted(definition.outputs)}."
        )
    return sorted(outputs or definition.outputs)


def _signatures(folder: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    """The signatures a client may call, as the SavedModel declares them."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graphs = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
    if len(graphs) != 1:
        raise ValueError(f"expected one graph tagged 'serve' in the SavedModel, found {len(graphs)}")
    return {
        name: definition
        for name, definition in graphs[0].signature_def.items()
        if definition.inputs and definition.outputs  # leaves out __saved_model_init_op
    }

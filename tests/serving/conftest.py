"""One model server for the session, tiny SavedModels made here, and a way to ask it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from infra.local.ports import free_block
from serving.model_config import ModelConfig, to_text
from serving.model_server.config import parse

ROOT = Path(__file__).resolve().parents[2]
BANDS = 3
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Scaled(tf.Module):
    """A stand-in for a trained network: probability = sigmoid(factor * mean of the bands after a 3x3 mean)."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = tf.Variable(factor, dtype=tf.float32)
        self.kernel = tf.constant(1 / (9 * BANDS), tf.float32, (3, 3, BANDS, 1))

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, BANDS), tf.float32, name="bands")])
    def probability(self, bands: tf.Tensor) -> dict[str, tf.Tensor]:
        mean = tf.nn.conv2d(bands, self.kernel, strides=1, padding="SAME")
        return {"probability": tf.sigmoid(self.factor * mean)}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.float32, name="a"),
            tf.TensorSpec((None,), tf.float32, name="b"),
        ]
    )
    def sums(self, a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"total": a + b, "difference": a - b}


def save_scaled(folder: Path, factor: float) -> Path:
    """A SavedModel with two signatures at `folder`."""
    model = Scaled(factor)
    tf.saved_model.save(model, str(folder), {"serving_default": model.probability, "sums": model.sums})
    return folder


def expected(bands: np.ndarray, factor: float) -> np.ndarray:
    """What a `Scaled` answers, by its definition in NumPy."""
    padded = np.pad(bands.astype(np.float64).mean(axis=-1), ((0, 0), (1, 1), (1, 1)))
    height, width = bands.shape[1:3]
    windows = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return (1 / (1 + np.exp(-factor * np.mean(windows, axis=0))))[..., None]


@dataclass
class Server:
    """Where a server listens and what it serves from."""

    grpc: str
    rest: str
    root: Path
    config: Path
    channel: grpc.Channel

    def reload(self, *models: ModelConfig) -> None:
        request = model_management_pb2.ReloadConfigRequest(config=parse(to_text(models)))
        model_service_pb2_grpc.ModelServiceStub(self.channel).HandleReloadConfigRequest(request, timeout=60)

    def status(self, model: str, **which: Any) -> dict[int, int]:
        request = get_model_status_pb2.GetModelStatusRequest()
        fill(request.model_spec, model, **which)
        answer = model_service_pb2_grpc.ModelServiceStub(self.channel).GetModelStatus(request, timeout=10)
        return {entry.version: entry.state for entry in answer.model_version_status}

    def predict(
        self,
        model: str,
        inputs: dict[str, np.ndarray],
        signature: str = "",
        timeout: float = 60,
        **which: Any,
    ) -> predict_pb2.PredictResponse:
        request = predict_pb2.PredictRequest()
        fill(request.model_spec, model, **which)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        return stub.Predict(request, timeout=timeout)

    def metadata(
        self, model: str, field: str = "signature_def"
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[field])
        request.model_spec.name = model
        return prediction_service_pb2_grpc.PredictionServiceStub(self.channel).GetModelMetadata(
            request, timeout=10
        )

    def wait(self, model: str, version: int, state: str) -> None:
        wanted = get_model_status_pb2.ModelVersionStatus.State.Value(state)
        for _ in range(300):
            try:
                if self.status(model).get(version) == wanted:
                    return
            except grpc.RpcError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{model} version {version} did not become {state}: {self.status(model)}")

    def http(self, path: str, body: Any = None, raw: bytes | None = None) -> tuple[int, Any]:
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        try:
            with DIRECT.open(urllib.request.Request(self.rest + path, data), timeout=60) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content[:1] == b"{" else content.decode()
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def fill(spec: Any, model: str, version: int | None = None, label: str | None = None) -> None:
    """Name a model, and a version or a label of it."""
    spec.name = model
    if version is not None:
        spec.version.value = version
    if label is not None:
        spec.version_label = label


def start_server(root: Path, config: Path, *options: str) -> tuple[subprocess.Popen[bytes], str, str]:
    """Start the embedded server; returns the process, its gRPC address and its REST address."""
    first = free_block(2)
    grpc_address, rest_address = f"127.0.0.1:{first}", f"127.0.0.1:{first + 1}"
    command = [sys.executable, "-m", "serving.model_server", "--root", root, "--config", config]
    process = subprocess.Popen(
        [*command, "--grpc", grpc_address, "--rest", rest_address, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    for _ in range(1200):
        try:
            with DIRECT.open(f"http://{rest_address}/healthz", timeout=1):
                return process, grpc_address, f"http://{rest_address}"
        except OSError:
            if process.poll() is not None:
                raise AssertionError(f"the model server ended with {process.returncode}") from None
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the model server did not come up within two minutes")


def opened(address: str) -> grpc.Channel:
    """A channel for large messages."""
    limits = ("grpc.max_send_message_length", "grpc.max_receive_message_length")
    options = [*((limit, 128 << 20) for limit in limits), ("grpc.enable_http_proxy", 0)]
    return grpc.insecure_channel(address, options)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The endpoint under test: SERVING_GRPC and SERVING_REST, or an embedded server of our own.

    An endpoint from outside must see this machine's folder SERVING_ROOT under the same path.
    """
    outside = os.environ.get("SERVING_GRPC"), os.environ.get("SERVING_REST")
    root = Path(os.environ.get("SERVING_ROOT") or tmp_path_factory.mktemp("served"))
    config = root / "models.config"
    if all(outside):
        with opened(str(outside[0])) as channel:
            yield Server(str(outside[0]), str(outside[1]).rstrip("/"), root, config, channel)
        return
    process, grpc_address, rest_address = start_server(root, config, "--poll-s", "0.2")
    try:
        with opened(grpc_address) as channel:
            yield Server(grpc_address, rest_address, root, config, channel)
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """A SavedModel of a factor, made once."""
    home = tmp_path_factory.mktemp("models")

    def get(factor: float) -> Path:
        folder = home / str(factor)
        return folder if folder.exists() else save_scaled(folder, factor)

    return get


@pytest.fixture(scope="session")
def truth() -> Callable[[np.ndarray, float], np.ndarray]:
    """What the SavedModel of a factor answers, computed without TensorFlow."""
    return expected


@pytest.fixture(scope="session")
def bands() -> np.ndarray:
    """Two small synthetic windows, (2, 16, 32, 3)."""
    return np.random.default_rng(1).normal(size=(2, 16, 32, BANDS)).astype(np.float32)

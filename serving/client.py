"""A client of TensorFlow Serving's API: states by REST with the standard library, predictions by gRPC.

Works against the embedded server and the `tensorflow/serving` image alike. TensorFlow and gRPC are imported when
a prediction is asked for, so that a step that only asks for states needs neither.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tasks.contract.errors import BadData, SourceUnavailable

if TYPE_CHECKING:
    import grpc
    import numpy as np
    from numpy.typing import NDArray

MESSAGE_BYTES = 64 << 20
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
POLL_S = 0.5
REQUEST_TIMEOUT_S = 10.0
SERVED_WITHIN_S = 180.0
TEMPORARY_STATUS = (404, 429, 503, 504)  # the version may be on its way, the server busy
# A model server is not reached through a proxy.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RestClient:
    """States and small predictions over REST; `address` as `http://host:port` (PIPELINE_SERVING_REST)."""

    def __init__(self, address: str | None = None) -> None:
        address = address or os.environ.get("PIPELINE_SERVING_REST") or "http://127.0.0.1:8501"
        self.address = (address if "://" in address else f"http://{address}").rstrip("/")

    def states(self, model: str) -> dict[int, tuple[str, str]]:
        """Version -> state and error message; empty where the server has never heard of the model."""
        return self._states(f"/v1/models/{quote(model, safe='')}")

    def label(self, model: str, label: str) -> int | None:
        """The AVAILABLE version a label names, or None."""
        states = self._states(f"/v1/models/{quote(model, safe='')}/labels/{quote(label, safe='')}")
        return next((version for version, (state, _) in states.items() if state == "AVAILABLE"), None)

    def predict(self, model: str, version: int, inputs: Mapping[str, Any], timeout_s: float = 60.0) -> Any:
        """The columnar `outputs` for columnar `inputs`, as plain lists."""
        path = f"/v1/models/{quote(model, safe='')}/versions/{version}:predict"
        status, answer = self._ask(path, json.dumps({"inputs": inputs}).encode(), timeout_s)
        if status != 200:
            error = SourceUnavailable if status in TEMPORARY_STATUS else BadData
            raise error(f"{self.address}{path} answered {status}: {answer.get('error')}")
        return answer["outputs"]

    def wait_until_served(
        self, model: str, version: int, label: str | None = None, timeout_s: float = SERVED_WITHIN_S
    ) -> None:
        """Wait until the version is AVAILABLE and, if a label is given, named by it.

        BadData when the server cannot load it, SourceUnavailable when time is up.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                state, error = self.states(model).get(version, ("unknown", ""))
                if error:
                    raise BadData(f"the model server cannot load {model} version {version}: {error}")
                if state == "AVAILABLE" and (label is None or self.label(model, label) == version):
                    return
                seen = f"it is {state} there" + (f" and not yet named {label}" if label else "")
            except SourceUnavailable as unavailable:
                seen = str(unavailable)
            if time.monotonic() > deadline:
                raise SourceUnavailable(
                    f"{model} version {version} was not served by {self.address} within {timeout_s:.0f} s: {seen}; "
                    "check that the model server and serving.sync run and that the sync reads this store"
                )
            time.sleep(POLL_S)

    def _states(self, path: str) -> dict[int, tuple[str, str]]:
        status, answer = self._ask(path, None, REQUEST_TIMEOUT_S)
        if status in (400, 404):  # an unknown label, an unknown model
            return {}
        if status != 200:
            raise SourceUnavailable(f"{self.address}{path} answered {status}: {answer.get('error')}")
        return {
            int(entry["version"]): (entry["state"], entry.get("status", {}).get("error_message", ""))
            for entry in answer["model_version_status"]
        }

    def _ask(self, path: str, body: bytes | None, timeout_s: float) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(self.address + path, body, {"Content-Type": "application/json"})
        try:
            try:
                with DIRECT.open(request, timeout=timeout_s) as response:
                    return response.status, json.load(response)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, json.load(error)
        except (OSError, ValueError, HTTPException) as error:
            raise SourceUnavailable(f"the model server at {self.address} does not answer: {error}") from error


@dataclass(frozen=True)
class GrpcClient:
    """Predictions over gRPC; `address` as `host:port` (PIPELINE_SERVING_GRPC). One channel, usable from threads."""

    channel: grpc.Channel
    address: str

    @classmethod
    def connect(cls, address: str | None = None, message_bytes: int = MESSAGE_BYTES) -> GrpcClient:
        """A client whose messages, either way, may have `message_bytes`. Nothing is sent yet."""
        import grpc

        address = address or os.environ.get("PIPELINE_SERVING_GRPC") or "127.0.0.1:8500"
        options = [
            ("grpc.max_send_message_length", message_bytes),
            ("grpc.max_receive_message_length", message_bytes),
            ("grpc.enable_http_proxy", 0),
        ]
        return cls(grpc.insecure_channel(address, options), address)

    def __enter__(self) -> GrpcClient:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the channel."""
        self.channel.close()

    def predict(
        self, model: str, version: int, inputs: Mapping[str, NDArray[np.generic]], deadline_s: float = 120.0
    ) -> dict[str, NDArray[np.generic]]:
        """The outputs of exactly this version's serving_default.

        SourceUnavailable (a retry may help) when the server is away or late or does not serve the version now;
        BadData when it refuses the input.
        """
        import numpy as np
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.version.value = version
        request.model_spec.signature_name = "serving_default"
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(np.ascontiguousarray(array)))
        call = self.channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=predict_pb2.PredictRequest.SerializeToString,
            response_deserializer=predict_pb2.PredictResponse.FromString,
        )
        what = f"{model} version {version}"
        response = self._patiently(lambda left_s: call(request, timeout=left_s), what, deadline_s)
        return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}

    def _patiently(self, call: Callable[[float], Any], what: str, deadline_s: float) -> Any:
        """Call again while the server is UNAVAILABLE, all within one deadline."""
        import grpc

        code = grpc.StatusCode
        worth_a_retry = (code.UNAVAILABLE, code.DEADLINE_EXCEEDED, code.NOT_FOUND, code.CANCELLED)
        end = time.monotonic() + deadline_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return call(max(end - time.monotonic(), 0.001))
            except grpc.RpcError as error:
                if error.code() is code.UNAVAILABLE and time.monotonic() + pause_s < end:
                    time.sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                    continue
                kind = SourceUnavailable if error.code() in worth_a_retry else BadData
                raise kind(f"{what} at {self.address}: {error.code().name}: {error.details()}") from error

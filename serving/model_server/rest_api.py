"""The REST face: TensorFlow Serving's paths, JSON forms and status codes."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.model_server.errors import ServingError, invalid
from serving.model_server.grpc_api import metadata_of, status_of
from serving.model_server.saved_model import Arrays
from serving.model_server.service import Service

PATH = re.compile(
    r"/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<version>[0-9]{1,18})|/labels/(?P<label>[^/:]+))?"
    r"(?:(?P<metadata>/metadata)|:(?P<method>predict|classify|regress))?"
)
SOCKET_TIMEOUT_S = 60.0
MAX_WAIT_S = 120.0

Json = dict[str, Any]
log = logging.getLogger(__name__)


def read(service: Service, path: str) -> Json:
    """GET: the state of a model, or its metadata."""
    asked = _parse(path)
    model, version, label = _chosen(asked)
    if asked["method"]:
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"GET {path}: use POST")
    if not asked["metadata"]:
        return _plain(status_of(service.registry.statuses(model, version, label)))
    response = metadata_of(service, model, version, label)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return {"model_spec": _plain(response.model_spec), "metadata": {"signature_def": _plain(signatures)}}


def predict(service: Service, path: str, body: bytes) -> Json:
    """POST: a prediction, in row form (`instances`) or columnar form (`inputs`)."""
    asked = _parse(path)
    if asked["method"] is None:
        raise invalid(f"Malformed request: POST {path}")
    if asked["method"] != "predict":
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED, f"{asked['method']} is not served here; use predict"
        )
    request = _object(body)
    model, version, label = _chosen(asked)
    _, loaded = service.registry.find(model, version, label)
    signature = request.get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid("signature_name must be a string")
    inputs = _inputs(request, loaded.signature(signature))
    _, outputs = service.predict(
        model, inputs, version=version, label=label, signature=signature, within_s=MAX_WAIT_S
    )
    return _row_form(inputs, outputs) if "instances" in request else _column_form(outputs)


def _parse(path: str) -> dict[str, str | None]:
    match = PATH.fullmatch(path)
    if match is None:
        raise invalid(f"Malformed request: {path}")
    return match.groupdict()


def _chosen(asked: dict[str, str | None]) -> tuple[str, int | None, str]:
    version = asked["version"]
    return asked["model"] or "", None if version is None else int(version), asked["label"] or ""


def _object(body: bytes) -> Json:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(request, dict):
        raise invalid("a request is a JSON object")
    if ("instances" in request) == ("inputs" in request):
        raise invalid("Request must have either 'instances' (row form) or 'inputs' (columnar form)")
    return request


def _inputs(request: Json, definition: meta_graph_pb2.SignatureDef) -> Arrays:
    """The named arrays of a request; one input needs no name."""
    if "inputs" in request:
        given = request["inputs"]
        named = given if isinstance(given, dict) else {_only(definition): given}
    else:
        rows = request["instances"]
        if not isinstance(rows, list) or not rows:
            raise invalid("'instances' must be a list of at least one value")
        if isinstance(rows[0], dict):
            names = set(rows[0])
            if any(not isinstance(row, dict) or set(row) != names for row in rows):
                raise invalid("all 'instances' must name the same inputs")
            named = {name: [row[name] for row in rows] for name in names}
        else:
            named = {_only(definition): rows}
    return {name: _array(name, value, definition) for name, value in named.items()}


def _only(definition: meta_graph_pb2.SignatureDef) -> str:
    if len(definition.inputs) != 1:
        raise invalid(f"name the inputs: the signature has {sorted(definition.inputs)}")
    (name,) = definition.inputs
    return str(name)


def _array(name: str, value: Any, definition: meta_graph_pb2.SignatureDef) -> np.ndarray[Any, Any]:
    if name not in definition.inputs:
        raise invalid(f"input {name!r} is not in the signature, which has {sorted(definition.inputs)}")
    dtype = tf.as_dtype(definition.inputs[name].dtype).as_numpy_dtype
    try:
        array = np.asarray(value)
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise TypeError(f"expected {np.dtype(dtype).name}, found {array.dtype}")
        return array.astype(dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid(f"input {name}: {error}") from error


def _row_form(inputs: Arrays, outputs: Arrays) -> Json:
    rows = len(next(iter(inputs.values())))
    for name, array in outputs.items():
        if array.ndim == 0 or len(array) != rows:
            raise invalid(f"output {name} has shape {array.shape}, not one value a row; use 'inputs'")
    if len(outputs) == 1:
        return {"predictions": next(iter(outputs.values())).tolist()}
    lists = {name: array.tolist() for name, array in outputs.items()}
    return {"predictions": [{name: lists[name][row] for name in lists} for row in range(rows)]}


def _column_form(outputs: Arrays) -> Json:
    if len(outputs) == 1:
        return {"outputs": next(iter(outputs.values())).tolist()}
    return {"outputs": {name: array.tolist() for name, array in outputs.items()}}


def _plain(message: Any) -> Json:
    plain: Json = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return plain


class Requests(BaseHTTPRequestHandler):
    """One request a connection."""

    server: RestServer
    protocol_version = "HTTP/1.1"
    server_version = "model_server"
    sys_version = ""
    timeout = SOCKET_TIMEOUT_S

    def do_GET(self) -> None:
        """Status, metadata, health, metrics."""
        path = self.path.partition("?")[0]
        if path == "/healthz":
            self._answer(200, {"status": "ok"})
        elif path == "/monitoring/prometheus/metrics":
            self._send(200, generate_latest(self.server.service.metrics), CONTENT_TYPE_LATEST)
        else:
            self._told(lambda: read(self.server.service, path))

    def do_POST(self) -> None:
        """Predict."""
        length = self.headers.get("Content-Length", "")
        limit = self.server.service.limits.body_mb << 20
        if not length.isdecimal():
            self._answer(411, {"error": "a request needs a Content-Length"})
        elif int(length) > limit:
            self._discard(min(int(length), limit))
            self._answer(413, {"error": f"the body has {length} bytes; at most {limit} are read: use gRPC"})
        else:
            body = self.rfile.read(int(length))
            self._told(lambda: predict(self.server.service, self.path.partition("?")[0], body))

    def _told(self, work: Any) -> None:
        try:
            answer = work()
        except ServingError as error:
            self._answer(error.http_status, {"error": error.message})
        except Exception:
            log.exception("defect in the model server")
            self._answer(500, {"error": "defect in the model server; its log says more"})
        else:
            self._answer(200, answer)

    def _answer(self, status: int, answer: Json) -> None:
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, data: bytes, content_type: str) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def _discard(self, size: int) -> None:
        """Read what a client is still sending, so that it reads the answer instead of a reset."""
        while size > 0 and (chunk := self.rfile.read(min(size, 1 << 16))):
            size -= len(chunk)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Malformed HTTP, in JSON like every other error."""
        self._answer(code, {"error": message or explain or "malformed request"})

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are counted in the metrics, not logged one by one."""


class RestServer(HTTPServer):
    """A bounded number of threads; when all are busy, connections wait in the kernel's queue."""

    request_queue_size = 64
    allow_reuse_address = True

    def __init__(self, service: Service, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), Requests)
        self.service = service
        self._threads = ThreadPoolExecutor(service.limits.threads, thread_name_prefix="rest")
        self._free = threading.BoundedSemaphore(service.limits.threads)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of the pool."""
        self._free.acquire()
        self._threads.submit(self._answer_one, request, client_address)

    def _answer_one(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError as error:
            log.info("a client went away: %s", error)
        except Exception:
            log.exception("defect in the model server")
        finally:
            self.shutdown_request(request)
            self._free.release()


def start(service: Service, address: str) -> RestServer:
    """Serve on `host:port` in a background thread. Raises OSError when the port is taken."""
    host, _, port = address.rpartition(":")
    server = RestServer(service, host.strip("[]"), int(port))
    threading.Thread(target=server.serve_forever, name="rest", daemon=True).start()
    return server

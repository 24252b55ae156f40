"""What only the embedded server promises: bounds, background loading, the watched file."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.client import GrpcClient, RestClient
from serving.model_config import ModelConfig, to_text, write
from serving.model_server.__main__ import main
from serving.model_server.errors import ServingError
from serving.model_server.registry import Registry, State
from serving.model_server.saved_model import arrays_of
from serving.warmup import WARMUP_FILE, write_warmup
from tasks.contract.errors import BadData, SourceUnavailable

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def embedded(server: Any) -> Iterator[Any]:
    """The session's server with nothing loaded."""
    if not (server.root / "models.config").parent.is_dir():
        pytest.skip("an endpoint from outside")
    server.reload()
    yield server
    server.reload()


def serve(server: Any, saved: Path, name: str, *versions: int, **labels: int) -> ModelConfig:
    base = server.root / name
    for version in versions:
        shutil.copytree(saved, base / str(version), dirs_exist_ok=True)
    config = ModelConfig(name, base, frozenset(versions))
    server.reload(config)
    for version in versions:
        server.wait(name, version, "AVAILABLE")
    return config


def test_a_broken_saved_model_ends_with_its_error_and_the_others_are_served(
    embedded: Any, saved: Callable[[float], Path], bands: np.ndarray
) -> None:
    serve(embedded, saved(1.0), "good", 1)
    broken = embedded.root / "broken" / "1"
    broken.mkdir(parents=True)
    (broken / "saved_model.pb").write_bytes(b"not a SavedModel")
    cut = shutil.copytree(saved(1.0), embedded.root / "broken" / "2")
    (cut / "variables" / "variables.data-00000-of-00001").unlink()
    embedded.reload(
        ModelConfig("good", embedded.root / "good", frozenset({1})),
        ModelConfig("broken", embedded.root / "broken", frozenset({1, 2})),
    )
    states = RestClient(embedded.rest).states("broken")
    assert {version: state for version, (state, _) in states.items()} == {1: "END", 2: "END"}
    assert all(error for _, error in states.values())
    with pytest.raises(BadData, match="cannot load broken version 2"):
        RestClient(embedded.rest).wait_until_served("broken", 2, "canary")
    assert embedded.predict("good", {"bands": bands}).model_spec.version.value == 1


def test_a_warm_up_request_is_replayed_and_one_that_does_not_fit_keeps_the_version_out(
    embedded: Any, saved: Callable[[float], Path]
) -> None:
    base = embedded.root / "warm"
    for version, count in {1: 3, 2: 5}.items():  # the model takes three bands
        folder = shutil.copytree(saved(1.0), base / str(version))
        written = write_warmup(folder, np.zeros((1, 16, 16, count), np.float32), "warm")
        assert written == folder / WARMUP_FILE
    embedded.reload(ModelConfig("warm", base, frozenset({1, 2})))
    states = RestClient(embedded.rest).states("warm")
    assert states[1][0] == "AVAILABLE"
    assert states[2][0] == "END"
    assert "expected shape" in states[2][1]


def test_a_version_that_appears_on_disk_later_is_loaded(
    embedded: Any, saved: Callable[[float], Path]
) -> None:
    base = embedded.root / "late"
    embedded.reload(ModelConfig("late", base, frozenset({1})))
    assert RestClient(embedded.rest).states("late") == {}
    shutil.copytree(saved(1.0), embedded.root / ".late")
    base.mkdir()
    (embedded.root / ".late").rename(base / "1")
    embedded.wait("late", 1, "AVAILABLE")


def test_a_folder_outside_the_root_is_refused(embedded: Any, tmp_path: Path) -> None:
    for folder in (tmp_path, embedded.root / ".." / "x"):
        with pytest.raises(grpc.RpcError, match="outside"):
            embedded.reload(ModelConfig("x", folder, frozenset({1})))


def test_the_same_model_twice_is_refused(embedded: Any) -> None:
    model = ModelConfig("x", embedded.root / "x", frozenset({1}))
    with pytest.raises(grpc.RpcError, match="twice"):
        embedded.reload(model, model)


def test_many_clients_at_once_are_all_answered(
    embedded: Any, saved: Callable[[float], Path], bands: np.ndarray, truth: Any
) -> None:
    serve(embedded, saved(1.0), "busy", 1)
    right, failures = truth(bands, 1.0), []

    def ask(client: GrpcClient) -> None:
        try:
            for _ in range(5):
                found = client.predict("busy", 1, {"bands": bands})["probability"]
                np.testing.assert_allclose(found, right, atol=1e-6)
        except Exception as error:
            failures.append(error)

    with GrpcClient.connect(embedded.grpc) as client:
        threads = [threading.Thread(target=ask, args=(client,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_the_client_tells_a_retry_from_a_refusal(embedded: Any, saved: Callable[[float], Path]) -> None:
    serve(embedded, saved(1.0), "client", 1)
    right = {"bands": np.zeros((1, 16, 16, 3), np.float32)}
    with GrpcClient.connect(embedded.grpc) as client:
        with pytest.raises(SourceUnavailable, match="NOT_FOUND"):
            client.predict("client", 2, right)
        with pytest.raises(BadData, match="expected shape"):
            client.predict("client", 1, {"bands": np.zeros((16, 16, 3), np.float32)})
    with (
        GrpcClient.connect("127.0.0.1:1") as client,
        pytest.raises(SourceUnavailable, match=r"UNAVAILABLE|DEADLINE"),
    ):
        client.predict("client", 1, right, deadline_s=1)
    with pytest.raises(SourceUnavailable, match="does not answer"):
        RestClient("http://127.0.0.1:1").states("client")
    with pytest.raises(SourceUnavailable, match=r"within 0 s.*not yet named stable"):
        RestClient(embedded.rest).wait_until_served("client", 1, "stable", timeout_s=0)
    rest = RestClient(embedded.rest).predict("client", 1, {"bands": right["bands"].tolist()})
    np.testing.assert_allclose(rest, 0.5)


@pytest.mark.parametrize("dims", [[1 << 20, 1 << 20, 1 << 20], [1 << 62, 1 << 62], [-1, 4]])
def test_a_few_bytes_cannot_declare_a_tensor_that_fills_the_memory(
    embedded: Any, saved: Callable[[float], Path], dims: list[int]
) -> None:
    serve(embedded, saved(1.0), "bomb", 1)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "bomb"
    tensor = request.inputs["bands"]
    tensor.dtype = tf.float32.as_datatype_enum
    tensor.float_val.append(1.0)
    for dim in dims:
        tensor.tensor_shape.dim.add(size=dim)
    with pytest.raises(grpc.RpcError) as error:
        prediction_service_pb2_grpc.PredictionServiceStub(embedded.channel).Predict(request, timeout=10)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_tensor_whose_content_is_cut_is_refused() -> None:
    request = predict_pb2.PredictRequest()
    request.inputs["bands"].CopyFrom(tf.make_tensor_proto(np.zeros((4, 4), np.float32)))
    request.inputs["bands"].tensor_content = b"12345"
    with pytest.raises(ServingError, match="not a readable tensor"):
        arrays_of(request)


def test_http_bounds(embedded: Any) -> None:
    host, port = embedded.rest.removeprefix("http://").split(":")

    def raw(text: bytes) -> bytes:
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(text)
            return connection.makefile("rb").readline()

    assert b" 413 " in raw(
        b"POST /v1/models/x:predict HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n" + b" " * (16 << 20)
    )
    assert b" 411 " in raw(b"POST /v1/models/x:predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert b" 501 " in raw(b"DELETE /v1/models/x HTTP/1.1\r\n\r\n")
    assert b" 400 " in raw(b"GET /v1 and more HTTP/1.1\r\n\r\n")
    assert embedded.http("/v1/models/../etc")[0] == 400
    assert embedded.http("/healthz") == (200, {"status": "ok"})


def test_metrics_count_predictions_by_model_and_status(
    embedded: Any, saved: Callable[[float], Path], bands: np.ndarray
) -> None:
    serve(embedded, saved(1.0), "counted", 1)
    for _ in range(3):
        embedded.predict("counted", {"bands": bands})
    status, text = embedded.http("/monitoring/prometheus/metrics")
    assert status == 200
    assert ':tensorflow:serving:request_count_total{model_name="counted",status="OK"} 3.0' in text


def test_a_port_that_is_taken_ends_the_server_with_a_sentence(
    embedded: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--root", str(tmp_path), "--config", str(tmp_path / "models.config")]
    assert main([*arguments, "--grpc", embedded.grpc, "--rest", "127.0.0.1:0"]) == 1
    assert "cannot listen" in capsys.readouterr().err


def test_the_watched_file_starts_with_its_labels(
    embedded: Any, saved: Callable[[float], Path], bands: np.ndarray
) -> None:
    """The server under test has seen no file yet: this one is its first, as at a start."""
    shutil.copytree(saved(1.0), embedded.root / "filed" / "1")
    text = to_text([ModelConfig("filed", embedded.root / "filed", frozenset({1}), {"stable": 1})])
    try:
        assert write(text, embedded.config)
        assert not write(text, embedded.config)
        embedded.wait("filed", 1, "AVAILABLE")
        assert embedded.predict("filed", {"bands": bands}, label="stable").model_spec.version.value == 1
    finally:
        embedded.config.unlink()


def test_loading_is_cancelled_for_what_is_no_longer_wanted(tmp_path: Path) -> None:
    go, began = threading.Event(), threading.Event()

    def slow(folder: Path) -> Any:
        began.set()
        assert go.wait(10)
        return object()

    for version in (1, 2):
        (tmp_path / "m" / str(version)).mkdir(parents=True)
        (tmp_path / "m" / str(version) / "saved_model.pb").touch()
    registry = Registry(tmp_path, load=slow, poll_s=60)
    registry.apply([ModelConfig("m", tmp_path / "m", frozenset({1, 2}))], labels_may_wait=True)
    assert began.wait(10)
    registry.apply([], labels_may_wait=True)
    go.set()
    registry._loader.shutdown(wait=True)
    assert {v.state for v in registry.statuses("m").values()} == {State.END}
    registry.close()

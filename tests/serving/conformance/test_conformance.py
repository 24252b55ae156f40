"""The API as TensorFlow Serving speaks it. Runs against either endpoint (see the `server` fixture)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from serving.model_config import ModelConfig

AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
Truth = Callable[[np.ndarray, float], np.ndarray]
FACTORS = {1: 1.0, 2: -2.0}


@pytest.fixture(scope="module")
def scarps(server: Any, saved: Callable[[float], Path]) -> Path:
    base = server.root / "scarps"
    for version, factor in FACTORS.items():
        shutil.copytree(saved(factor), base / str(version))
    return base


@pytest.fixture(autouse=True)
def served(server: Any, scarps: Path) -> None:
    """Every test begins with both versions loaded, stable on 1 and canary on 2."""
    server.reload(ModelConfig("scarps", scarps, frozenset({1, 2})))
    for version in FACTORS:
        server.wait("scarps", version, "AVAILABLE")
    server.reload(ModelConfig("scarps", scarps, frozenset({1, 2}), {"stable": 1, "canary": 2}))


def refused(code: grpc.StatusCode, call: Callable[[], Any]) -> str:
    with pytest.raises(grpc.RpcError) as error:
        call()
    assert error.value.code() is code, error.value.details()
    return str(error.value.details())


@pytest.mark.parametrize(
    ("which", "path", "version"),
    [
        ({}, "", 2),
        ({"version": 1}, "/versions/1", 1),
        ({"version": 2}, "/versions/2", 2),
        ({"label": "stable"}, "/labels/stable", 1),
        ({"label": "canary"}, "/labels/canary", 2),
    ],
)
def test_version_and_label_choose_the_model_over_both_protocols(
    server: Any, bands: np.ndarray, truth: Truth, which: dict[str, Any], path: str, version: int
) -> None:
    right = truth(bands, FACTORS[version])
    answer = server.predict("scarps", {"bands": bands}, **which)
    assert answer.model_spec.version.value == version
    np.testing.assert_allclose(tf.make_ndarray(answer.outputs["probability"]), right, atol=1e-6)
    status, rows = server.http(f"/v1/models/scarps{path}:predict", {"instances": bands.tolist()})
    assert status == 200
    np.testing.assert_allclose(rows["predictions"], right, atol=1e-6)


def test_row_and_column_forms_with_named_inputs_and_several_outputs(server: Any) -> None:
    rows = [{"a": 1.0, "b": 2.0}, {"a": 5, "b": 7}]
    status, answer = server.http("/v1/models/scarps:predict", {"signature_name": "sums", "instances": rows})
    assert (status, answer) == (
        200,
        {"predictions": [{"difference": -1.0, "total": 3.0}, {"difference": -2.0, "total": 12.0}]},
    )
    columns = {"a": [1, 5], "b": [2, 7]}
    status, answer = server.http("/v1/models/scarps:predict", {"signature_name": "sums", "inputs": columns})
    assert (status, answer) == (200, {"outputs": {"difference": [-1.0, -2.0], "total": [3.0, 12.0]}})


def test_nan_passes_through_json(server: Any, bands: np.ndarray) -> None:
    holed = bands[:1].copy()
    holed[0, 8, 8, 0] = np.nan
    status, answer = server.http("/v1/models/scarps:predict", {"inputs": {"bands": holed.tolist()}})
    assert status == 200
    assert np.isnan(answer["outputs"]).sum() == 9


def test_status_over_both_protocols(server: Any) -> None:
    assert server.status("scarps") == {1: AVAILABLE, 2: AVAILABLE}
    assert server.status("scarps", version=1) == {1: AVAILABLE}
    assert server.status("scarps", label="canary") == {2: AVAILABLE}
    ok = {"error_code": "OK", "error_message": ""}
    one, two = ({"version": v, "state": "AVAILABLE", "status": ok} for v in ("1", "2"))
    assert server.http("/v1/models/scarps") == (200, {"model_version_status": [two, one]})
    assert server.http("/v1/models/scarps/versions/1") == (200, {"model_version_status": [one]})
    assert server.http("/v1/models/scarps/labels/canary") == (200, {"model_version_status": [two]})


def test_metadata_over_both_protocols(server: Any) -> None:
    answer = server.metadata("scarps")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    shape = signatures.signature_def["serving_default"].inputs["bands"].tensor_shape
    assert [d.size for d in shape.dim] == [-1, -1, -1, 3]
    status, plain = server.http("/v1/models/scarps/versions/1/metadata")
    assert status == 200
    assert plain["model_spec"] == {"name": "scarps", "signature_name": "", "version": "1"}
    bands = plain["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["bands"]
    assert bands["dtype"] == "DT_FLOAT"
    assert [d["size"] for d in bands["tensor_shape"]["dim"]] == ["-1", "-1", "-1", "3"]
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: server.metadata("scarps", "weights"))


@pytest.mark.parametrize(
    ("inputs", "signature"),
    [
        ({"bands": np.zeros((16, 16, 3), np.float32)}, ""),  # rank: oneDNN aborts the process if this is run
        ({"bands": np.zeros((1, 16, 16, 4), np.float32)}, ""),
        ({"bands": np.zeros((1, 16, 16, 3), np.float64)}, ""),
        ({"bands": np.zeros((1, 16, 16, 3), np.int32)}, ""),
        ({"band": np.zeros((1, 16, 16, 3), np.float32)}, ""),
        ({"bands": np.zeros((1, 16, 16, 3), np.float32), "more": np.zeros(1, np.float32)}, ""),
        ({}, ""),
        ({"a": np.zeros(2, np.float32)}, "sums"),
        ({"a": np.zeros(2, np.float32), "b": np.zeros(3, np.float32)}, "sums"),
    ],
    ids=["rank", "bands", "float64", "int", "name", "extra", "none", "missing", "unequal"],
)
def test_what_does_not_fit_the_signature_is_refused_and_the_server_goes_on(
    server: Any, bands: np.ndarray, inputs: dict[str, np.ndarray], signature: str
) -> None:
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: server.predict("scarps", inputs, signature))
    body = {"inputs": {name: array.tolist() for name, array in inputs.items()}, "signature_name": signature}
    if not any(array.dtype in (np.float64, np.int32) for array in inputs.values()):  # JSON has no such types
        status, answer = server.http("/v1/models/scarps:predict", body)
        assert (status, list(answer)) == (400, ["error"])
    assert server.predict("scarps", {"bands": bands}).model_spec.version.value == 2


def test_unknown_names_and_their_codes(server: Any, bands: np.ndarray) -> None:
    small = {"bands": bands}
    code = grpc.StatusCode
    refused(code.NOT_FOUND, lambda: server.predict("nothing", small))
    refused(code.NOT_FOUND, lambda: server.predict("scarps", small, version=9))
    refused(code.INVALID_ARGUMENT, lambda: server.predict("scarps", small, label="unheard"))
    refused(code.FAILED_PRECONDITION, lambda: server.predict("scarps", small, signature="unheard"))
    refused(code.INVALID_ARGUMENT, lambda: server.predict("", small))
    refused(code.NOT_FOUND, lambda: server.status("nothing"))
    refused(code.NOT_FOUND, lambda: server.status("scarps", version=9))
    body = {"instances": bands.tolist()}
    for path, status in {
        "/v1/models/nothing:predict": 404,
        "/v1/models/scarps/versions/9:predict": 404,
        "/v1/models/scarps/labels/unheard:predict": 400,
    }.items():
        found, answer = server.http(path, body)
        assert (found, list(answer)) == (status, ["error"]), path
    assert server.http("/v1/models/scarps:predict", {**body, "signature_name": "unheard"})[0] == 400
    assert server.http("/v1/models/nothing")[0] == 404
    assert server.http("/v1/models/scarps/labels/unheard")[0] == 400


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"{}", b'{"instances": []}', b'{"instances": 1}', b'{"instances": [[1, 2], [3]]}',
     b'{"instances": [["a"]]}', b'{"instances": [1], "inputs": [1]}', b'{"instances": [{"bands": 1}, 2]}',
     b"[" * 100_000],
    ids=["empty", "cut", "list", "neither", "no rows", "scalar", "ragged", "text", "both", "mixed", "deep"],
)  # fmt: skip
def test_malformed_bodies_are_400_with_an_error(server: Any, raw: bytes) -> None:
    status, answer = server.http("/v1/models/scarps:predict", raw=raw)
    assert (status, list(answer)) == (400, ["error"])


def test_methods_it_does_not_speak_are_unimplemented(server: Any) -> None:
    if "SERVING_GRPC" in os.environ:
        pytest.skip("TensorFlow Serving itself speaks them")
    stub = prediction_service_pb2_grpc.PredictionServiceStub(server.channel)
    request = classification_pb2.ClassificationRequest()
    refused(grpc.StatusCode.UNIMPLEMENTED, lambda: stub.Classify(request, timeout=10))
    assert server.http("/v1/models/scarps:classify", {"examples": []})[0] == 501


def test_a_large_window_passes(server: Any) -> None:
    window = np.ones((1, 1248, 2912, 3), np.float32)  # as many bytes as 1248 x 1248 x 7
    answer = server.predict("scarps", {"bands": window}, label="stable")
    probability = tf.make_ndarray(answer.outputs["probability"])
    assert probability.shape == (1, 1248, 2912, 1)
    np.testing.assert_allclose(probability[0, 600, 600, 0], 1 / (1 + np.exp(-1)), atol=1e-6)


def test_a_message_beyond_the_limit_is_refused(server: Any) -> None:
    if "SERVING_GRPC" in os.environ:
        pytest.skip("the limit is the endpoint's own")
    window = np.zeros((1, 2500, 2500, 3), np.float32)
    refused(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: server.predict("scarps", {"bands": window}))


def test_a_label_moves_only_to_a_loaded_version(server: Any, scarps: Path, bands: np.ndarray) -> None:
    both = frozenset({1, 2})
    said = refused(
        grpc.StatusCode.FAILED_PRECONDITION,
        lambda: server.reload(ModelConfig("scarps", scarps, both, {"stable": 3, "canary": 2})),
    )
    assert "3" in said
    assert server.predict("scarps", {"bands": bands}, label="stable").model_spec.version.value == 1
    server.reload(ModelConfig("scarps", scarps, both, {"stable": 2}))
    assert server.predict("scarps", {"bands": bands}, label="stable").model_spec.version.value == 2
    refused(
        grpc.StatusCode.INVALID_ARGUMENT, lambda: server.predict("scarps", {"bands": bands}, label="canary")
    )


def test_reload_replaces_the_whole_configuration(server: Any, scarps: Path, bands: np.ndarray) -> None:
    shutil.copytree(scarps / "1", server.root / "deposits" / "4", dirs_exist_ok=True)
    server.reload(
        ModelConfig("scarps", scarps, frozenset({2})),
        ModelConfig("deposits", server.root / "deposits", frozenset({4})),
    )
    server.wait("deposits", 4, "AVAILABLE")
    server.wait("scarps", 1, "END")
    refused(grpc.StatusCode.NOT_FOUND, lambda: server.predict("scarps", {"bands": bands}, version=1))
    assert server.predict("deposits", {"bands": bands}).model_spec.version.value == 4
    server.reload()
    server.wait("deposits", 4, "END")
    server.wait("scarps", 2, "END")
    assert server.http("/v1/models/scarps:predict", {"instances": bands.tolist()})[0] == 404


def test_a_reload_without_a_list_is_refused(server: Any) -> None:
    request = model_management_pb2.ReloadConfigRequest(config=model_server_config_pb2.ModelServerConfig())
    stub = model_service_pb2_grpc.ModelServiceStub(server.channel)
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: stub.HandleReloadConfigRequest(request, timeout=10))
    assert server.status("scarps") == {1: AVAILABLE, 2: AVAILABLE}

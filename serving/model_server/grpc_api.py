"""The gRPC face: tensorflow.serving.PredictionService and ModelService."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
)

from serving.model_server.config import models_of
from serving.model_server.errors import ServingError, invalid
from serving.model_server.registry import Version
from serving.model_server.saved_model import DEFAULT_SIGNATURE, arrays_of
from serving.model_server.service import Service

Handler = Callable[[Any, grpc.ServicerContext], Any]
log = logging.getLogger(__name__)


class PredictionService:
    """tensorflow.serving.PredictionService; methods not here are answered UNIMPLEMENTED."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Run a model on named tensors."""
        spec = request.model_spec
        name, version, label = chosen(spec)
        number, outputs = self._service.predict(
            name,
            arrays_of(request, self._service.limits.message_mb << 20),
            version=version,
            label=label,
            signature=spec.signature_name,
            outputs=request.output_filter,
            within_s=context.time_remaining(),
        )
        response = predict_pb2.PredictResponse()
        _fill(response.model_spec, name, number, spec.signature_name or DEFAULT_SIGNATURE)
        for output, array in outputs.items():
            response.outputs[output].CopyFrom(tf.make_tensor_proto(array))
        return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures of a model."""
        unknown = set(request.metadata_field) - {"signature_def"}
        if unknown or not request.metadata_field:
            raise invalid(f"Metadata field {sorted(unknown)} is not supported; ask for signature_def")
        name, version, label = chosen(request.model_spec)
        return metadata_of(self._service, name, version, label)


class ModelService:
    """tensorflow.serving.ModelService."""

    def __init__(self, service: Service) -> None:
        self._registry = service.registry

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The state of a model's versions."""
        return status_of(self._registry.statuses(*chosen(request.model_spec)))

    def reload(
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        """Replace the whole configuration."""
        try:
            models = models_of(request.config)
        except ValueError as error:
            raise invalid(str(error)) from error
        self._registry.apply(models)
        return model_management_pb2.ReloadConfigResponse()


def chosen(spec: model_pb2.ModelSpec) -> tuple[str, int | None, str]:
    """Model name, version and label of a request."""
    if not spec.name:
        raise invalid("Missing ModelSpec: a request names its model")
    choice = spec.WhichOneof("version_choice")
    version = spec.version.value if choice == "version" else None
    return spec.name, version, spec.version_label if choice == "version_label" else ""


def status_of(versions: dict[int, Version]) -> get_model_status_pb2.GetModelStatusResponse:
    """The states as the protocol tells them."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for number, version in versions.items():
        entry = response.model_version_status.add(version=number, state=version.state)
        entry.status.error_code = version.code.value[0]
        entry.status.error_message = version.error
    return response


def metadata_of(
    service: Service, name: str, version: int | None, label: str
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures of a served version as the protocol tells them."""
    number, loaded = service.registry.find(name, version, label)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    _fill(response.model_spec, name, number, "")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for key, definition in loaded.signatures.items():
        signatures.signature_def[key].CopyFrom(definition)
    response.metadata["signature_def"].Pack(signatures)
    return response


def start(service: Service, address: str) -> tuple[grpc.Server, int]:
    """Serve on `host:port`; returns the server and its port. Raises RuntimeError when the port is taken."""
    size = service.limits.message_mb << 20
    server = grpc.server(
        ThreadPoolExecutor(service.limits.threads, thread_name_prefix="grpc"),
        maximum_concurrent_rpcs=8 * service.limits.threads,
        options=[
            ("grpc.max_receive_message_length", size),
            ("grpc.max_send_message_length", size),
            ("grpc.so_reuseport", 0),  # a second server on the port is a mistake, not a helper
        ],
    )
    prediction, model = PredictionService(service), ModelService(service)
    _serve(server, "tensorflow.serving.PredictionService", {
        "Predict": (prediction.predict, predict_pb2.PredictRequest),
        "GetModelMetadata": (prediction.metadata, get_model_metadata_pb2.GetModelMetadataRequest),
    })  # fmt: skip
    _serve(server, "tensorflow.serving.ModelService", {
        "GetModelStatus": (model.status, get_model_status_pb2.GetModelStatusRequest),
        "HandleReloadConfigRequest": (model.reload, model_management_pb2.ReloadConfigRequest),
    })  # fmt: skip
    port = server.add_insecure_port(address)
    server.start()
    return server, port


def _serve(server: grpc.Server, service: str, methods: dict[str, tuple[Handler, Any]]) -> None:
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _told(handler),
            request_deserializer=request.FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )
        for name, (handler, request) in methods.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))


def _told(handler: Handler) -> Handler:
    """Turn a ServingError into the call's status; anything else is a defect: logged, and INTERNAL."""

    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return handler(request, context)
        except ServingError as error:
            code, message = error.code, error.message
        except Exception:
            log.exception("defect in the model server")
            code, message = grpc.StatusCode.INTERNAL, "defect in the model server; its log says more"
        return context.abort(code, message)

    return call


def _fill(spec: model_pb2.ModelSpec, name: str, version: int, signature: str) -> None:
    spec.name = name
    spec.version.value = version
    spec.signature_name = signature

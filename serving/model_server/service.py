"""What both protocols ask of the server: run a prediction within its turn and its deadline, tell states."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram

from serving.model_server.errors import ServingError
from serving.model_server.registry import Registry
from serving.model_server.saved_model import Arrays

MAX_WAIT_S = 300.0


@dataclass(frozen=True)
class Limits:
    """Bounds on what one request, or all of them together, may cost."""

    message_mb: int = 64  # a gRPC message; 1248 x 1248 x 7 float32 is 44 MB
    body_mb: int = 16  # a REST body; as JSON numbers take about ten times their binary size in memory
    threads: int = 8  # requests read at once, for each protocol
    predictions: int = 2  # predictions run at once; TensorFlow itself spreads one over the cores


class Service:
    """The registry, with predictions taking turns."""

    def __init__(self, registry: Registry, limits: Limits) -> None:
        self.registry = registry
        self.limits = limits
        self.metrics = CollectorRegistry()
        self._turns = threading.BoundedSemaphore(limits.predictions)
        self._count = Counter(
            ":tensorflow:serving:request_count",
            "Predictions",
            ["model_name", "status"],
            registry=self.metrics,
        )
        self._seconds = Histogram(
            ":tensorflow:serving:request_latency_seconds",
            "Time a prediction took, its wait included",
            ["model_name"],
            registry=self.metrics,
        )

    def predict(
        self,
        model: str,
        inputs: Arrays,
        *,
        version: int | None = None,
        label: str = "",
        signature: str = "",
        outputs: Collection[str] = (),
        within_s: float | None = None,
    ) -> tuple[int, Arrays]:
        """The version that answered, and its outputs."""
        number, loaded = self.registry.find(model, version, label)
        began = time.monotonic()
        status = grpc.StatusCode.INTERNAL
        try:
            wait_s = MAX_WAIT_S if within_s is None else min(max(within_s, 0), MAX_WAIT_S)
            if not self._turns.acquire(timeout=wait_s):
                raise ServingError(
                    grpc.StatusCode.DEADLINE_EXCEEDED, "all turns were taken until the deadline"
                )
            try:
                results = loaded.predict(signature, inputs, outputs)
            finally:
                self._turns.release()
            status = grpc.StatusCode.OK
            return number, results
        except ServingError as error:
            status = error.code
            raise
        finally:
            self._count.labels(model, status.name).inc()
            self._seconds.labels(model).observe(time.monotonic() - began)

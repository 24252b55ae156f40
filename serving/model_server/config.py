"""Reads ModelServerConfig: the text proto in a file, the message of a reload request."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.model_config import ModelConfig
from serving.model_server.errors import ServingError
from serving.model_server.registry import Registry

log = logging.getLogger(__name__)


def parse(text: str) -> ModelServerConfig:
    """The configuration in a text proto; raises ValueError with the line that is wrong."""
    try:
        return text_format.Parse(text, ModelServerConfig())
    except text_format.ParseError as error:
        raise ValueError(f"not a ModelServerConfig: {error}") from error


def models_of(config: ModelServerConfig) -> list[ModelConfig]:
    """The models of a configuration; raises ValueError for what this server does not serve."""
    if config.WhichOneof("config") != "model_config_list":
        raise ValueError("ServerConfig type not supported; only model_config_list is")
    models = []
    for entry in config.model_config_list.config:
        if entry.model_platform not in ("", "tensorflow"):
            raise ValueError(
                f"model {entry.name}: model_platform must be tensorflow, found {entry.model_platform!r}"
            )
        policy = entry.model_version_policy
        kind = policy.WhichOneof("policy_choice")
        if kind not in (None, "specific"):
            raise ValueError(f"model {entry.name}: version policy must be specific, found {kind}")
        versions = frozenset(policy.specific.versions) if kind else None
        models.append(ModelConfig(entry.name, Path(entry.base_path), versions, dict(entry.version_labels)))
    return models


class ConfigFile:
    """The file, read again and again, as TensorFlow Serving does with --model_config_file_poll_wait_seconds."""

    def __init__(self, path: Path, registry: Registry) -> None:
        self._path, self._registry = path, registry
        self._said = ""

    def watch(self, every_s: float, stop: threading.Event) -> None:
        """Apply the file until `stop`. At first its labels may name versions that are still to be loaded."""
        first = True
        while True:
            if self._path.is_file():  # else the sync has not run yet
                self._apply(first)
                first = False
            if stop.wait(every_s):
                return

    def _apply(self, first: bool) -> None:
        said = ""
        try:
            models = models_of(parse(self._path.read_text(encoding="utf-8")))
            self._registry.apply(models, labels_may_wait=first)
        except (OSError, ValueError, ServingError) as error:
            said = f"{self._path} is not applied in full: {error}"
        if said and said != self._said:  # a label that waits for its version is refused until it can move
            log.warning(said)
        self._said = said

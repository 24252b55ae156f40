"""TensorFlow Serving's ModelServerConfig: read, check, write. One file for the embedded server and production."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

ModelServerConfig = model_server_config_pb2.ModelServerConfig


@dataclass(frozen=True)
class ModelConfig:
    """One model: its folder of version folders, the versions to serve, and the labels that name some of them.

    `versions` None stands for TensorFlow Serving's default policy, the largest version on disk.
    """

    name: str
    base_path: Path
    versions: frozenset[int] | None
    labels: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a model in the model configuration has no name")
        if not self.base_path.is_absolute():
            raise ValueError(f"model {self.name}: base_path must be absolute, found {str(self.base_path)!r}")

    def served(self) -> frozenset[int]:
        """The versions to serve of those on disk."""
        on_disk = frozenset(_versions_on_disk(self.base_path))
        if self.versions is not None:
            return on_disk & self.versions
        return frozenset({max(on_disk)}) if on_disk else on_disk


def read(text: str) -> ModelServerConfig:
    """The configuration in a text proto; raises ValueError with the line that is wrong."""
    try:
        return text_format.Parse(text, ModelServerConfig())
    except text_format.ParseError as error:
        raise ValueError(f"not a ModelServerConfig: {error}") from error


def models_of(config: ModelServerConfig) -> dict[str, ModelConfig]:
    """The models of a configuration by name; raises ValueError for what this server does not serve."""
    if config.WhichOneof("config") == "custom_model_config":
        raise ValueError("custom_model_config is not supported; use model_config_list")
    models: dict[str, ModelConfig] = {}
    for entry in config.model_config_list.config:
        if entry.name in models:
            raise ValueError(f"model {entry.name} stands twice in the model configuration")
        if entry.model_platform not in ("", "tensorflow"):
            raise ValueError(f"model {entry.name}: model_platform must be tensorflow, found {entry.model_platform!r}")
        policy = entry.model_version_policy
        kind = policy.WhichOneof("policy_choice")
        if kind not in (None, "specific"):
            raise ValueError(f"model {entry.name}: version policy must be specific, found {kind}")
        versions = frozenset(policy.specific.versions) if kind else None
        models[entry.name] = ModelConfig(entry.name, Path(entry.base_path), versions, dict(entry.version_labels))
    return models


def config_of(models: Iterable[ModelConfig]) -> ModelServerConfig:
    """The configuration that serves exactly these models."""
    config = ModelServerConfig()
    config.model_config_list.SetInParent()  # an empty list unloads everything; no list at all is not a request
    for model in sorted(models, key=lambda m: m.name):
        entry = config.model_config_list.config.add(
            name=model.name, base_path=str(model.base_path), model_platform="tensorflow"
        )
        if model.versions is not None:
            entry.model_version_policy.specific.versions.extend(sorted(model.versions))
        for label, version in sorted(model.labels.items()):
            entry.version_labels[label] = version
    return config


def write(config: ModelServerConfig, path: Path) -> bool:
    """Write the text proto in one step; False when the file says so already."""
    text = text_format.MessageToString(config)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
    return True


def _versions_on_disk(base_path: Path) -> Iterable[int]:
    if base_path.is_dir():
        for folder in base_path.iterdir():
            if folder.name.isascii() and folder.name.isdigit() and (folder / "saved_model.pb").is_file():
                yield int(folder.name)

"""The models a server shall hold, as TensorFlow Serving's ModelServerConfig text proto. Standard library only.

One file for the embedded server and for the `tensorflow/serving` image, both of which read it again and again
(`--model_config_file=F --model_config_file_poll_wait_seconds=2 --allow_version_labels_for_unavailable_models`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


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

    def to_text(self) -> str:
        """The model's entry in the configuration."""
        versions = [f"      versions: {version}\n" for version in sorted(self.versions or ())]
        policy = "    model_version_policy {\n     specific {\n" + "".join(versions) + "     }\n    }\n"
        labels = [
            f"    version_labels {{ key: {json.dumps(label)} value: {version} }}\n"
            for label, version in sorted(self.labels.items())
        ]
        return (
            "  config {\n"
            f"    name: {json.dumps(self.name)}\n"
            f"    base_path: {json.dumps(str(self.base_path))}\n"
            '    model_platform: "tensorflow"\n'
            f"{'' if self.versions is None else policy}{''.join(labels)}"
            "  }\n"
        )


def to_text(models: Iterable[ModelConfig]) -> str:
    """The configuration that serves exactly these models; without any it unloads everything."""
    entries = "".join(model.to_text() for model in sorted(models, key=lambda model: model.name))
    return f"model_config_list {{\n{entries}}}\n"


def write(text: str, path: Path) -> bool:
    """Write the file in one step; False when it says so already."""
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

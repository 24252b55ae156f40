"""What the server shall hold next. Pure: from what is wanted and what is held to a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serving.model_config import ModelConfig


@dataclass(frozen=True)
class Wanted:
    """What the ref of a model asks for. `versions` are on this disk; labels may name one that is not, yet."""

    versions: frozenset[int] = frozenset()
    labels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Held:
    """What the server says: versions that are AVAILABLE, and the version each label names there."""

    versions: frozenset[int] = frozenset()
    labels: Mapping[str, int] = field(default_factory=dict)


def next_config(model: str, base_path: Path, wanted: Wanted, held: Held | None) -> ModelConfig:
    """The next step towards `wanted`. `held` is None where the server does not answer: it will start with it all.

    A label whose version is not loaded yet stays where it is, and the version a label names is kept as long as it
    names it.
    """
    if held is None:
        on_disk = {label: version for label, version in wanted.labels.items() if version in wanted.versions}
        return ModelConfig(model, base_path, wanted.versions, on_disk)
    labels = {}
    for label, version in wanted.labels.items():
        if version in held.versions:
            labels[label] = version
        elif held.labels.get(label) in held.versions:
            labels[label] = held.labels[label]
    return ModelConfig(model, base_path, wanted.versions | frozenset(held.labels.values()), labels)

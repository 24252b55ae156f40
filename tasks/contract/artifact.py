"""Manifests: what an artifact is, what it was made from, and the digest that stands for its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks.contract.errors import ArtifactDamaged, InvalidName
from tasks.contract.names import checked_path, checked_segment

SCHEMA = 1


def canonical(value: Any) -> bytes:
    """JSON with one spelling: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_of(value: Any) -> str:
    """`sha256:` and the hexadecimal digest of the value's canonical JSON."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


@dataclass(frozen=True)
class Item:
    """An artifact as a ref names it."""

    kind: str
    key: str
    digest: str

    @property
    def folder(self) -> str:
        """Where the artifact lies in the store."""
        return f"artifacts/{self.kind}/{self.key}"


def items_digest(items: list[Item]) -> str:
    """One digest for a set of artifacts; reports are left out: they judge content, they are not it."""
    return digest_of(sorted((i.kind, i.digest) for i in items if not i.kind.endswith("-report")))


@dataclass(frozen=True)
class File:
    """One file of an artifact: where it lies below the artifact's folder, its size in bytes, its sha256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """An artifact's description, written last. The content digest covers kind, files and properties only."""

    kind: str
    key: str
    task: str
    code: str
    params: Mapping[str, Any]
    inputs: Mapping[str, list[dict[str, str]]]
    source: Mapping[str, Any]
    files: Mapping[str, File]
    properties: Mapping[str, Any]
    environment: Mapping[str, str]
    created: str
    schema: int = SCHEMA

    @property
    def digest(self) -> str:
        """The content digest: what downstream keys use."""
        files = {name: [file.size, file.sha256] for name, file in self.files.items()}
        return digest_of({"kind": self.kind, "files": files, "properties": self.properties})

    @property
    def item(self) -> Item:
        """The artifact as a ref names it."""
        return Item(self.kind, self.key, self.digest)

    def to_json(self) -> bytes:
        """The manifest as stored."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Manifest:
        """Read a stored manifest, of this schema or an older one."""
        try:
            fields = json.loads(data)
            if fields["schema"] > SCHEMA:
                raise ArtifactDamaged(
                    f"{where} has schema {fields['schema']}; this version reads up to {SCHEMA}"
                )
            fields["files"] = {name: File(**file) for name, file in fields["files"].items()}
            for name, file in fields["files"].items():
                checked_path(name)
                checked_path(file.path)
            return cls(**fields)
        except (ValueError, KeyError, TypeError, InvalidName) as error:
            raise ArtifactDamaged(f"{where} is not a manifest: {error!r}") from error


@dataclass(frozen=True)
class RefDocument:
    """What a ref says: artifacts by role, and a record of whoever keeps the ref."""

    items: Mapping[str, Item] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The ref as stored."""
        items = {role: asdict(item) for role, item in self.items.items()}
        return json.dumps(
            {"schema": SCHEMA, "items": items, "record": self.record}, indent=1, sort_keys=True
        ).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> RefDocument:
        """Read a stored ref."""
        try:
            fields = json.loads(data)
            items = {role: Item(**item) for role, item in fields["items"].items()}
            for item in items.values():
                checked_segment(item.kind, "kind")
                checked_segment(item.key, "key")
            return cls(items, fields.get("record", {}))
        except (ValueError, KeyError, TypeError, InvalidName) as error:
            raise ArtifactDamaged(f"{where} is not a ref: {error!r}") from error

"""Object storage behind one small face: `s3://bucket/prefix` or `file:///folder`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from tasks.contract.errors import InvalidConfig


class Store(Protocol):
    """What the pipeline needs of object storage. Keys are `/`-separated; tags change with the content."""

    def get_tagged(self, key: str) -> tuple[bytes, str] | None:
        """A small object's content and tag, or None where there is none."""

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None) -> str:
        """Write a small object; raises `Conflict` when the condition does not hold. Returns the new tag."""

    def upload(self, path: Path, key: str) -> None:
        """Stream a local file into the store."""

    def download(self, key: str, path: Path) -> str:
        """Stream an object into a local file; returns its sha256. `ArtifactMissing` where there is none."""

    def names(self, prefix: str) -> Iterator[str]:
        """All keys that start with the prefix."""

    def delete(self, key: str) -> None:
        """Remove an object; no error where there is none."""


def open_store(uri: str | None = None) -> Store:
    """The store at a URI, by default that of `PIPELINE_STORE`."""
    uri = uri or os.environ.get("PIPELINE_STORE", "")
    parts = urlsplit(uri)
    if parts.scheme == "s3" and parts.netloc:
        from tasks.store.s3 import S3Store

        return S3Store(parts.netloc, parts.path.strip("/"))
    if parts.scheme == "file" and parts.path.startswith("/"):
        from tasks.store.file import FileStore

        return FileStore(Path(parts.path))
    raise InvalidConfig(f"PIPELINE_STORE must be s3://bucket/prefix or file:///folder, found {uri!r}")

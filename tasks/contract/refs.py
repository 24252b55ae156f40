"""Refs: small JSON documents that name artifacts, moved by compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from tasks.contract.artifact import Item, RefDocument
from tasks.contract.errors import ArtifactMissing, Conflict, SourceUnavailable
from tasks.contract.names import checked_ref

ATTEMPTS = 20


class Objects(Protocol):
    """What refs need of a store."""

    def get_tagged(self, key: str) -> tuple[bytes, str] | None:
        """Content and tag, or None."""

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None) -> str:
        """Write, under a condition when one is given; raises `Conflict`; returns the new tag."""

    def names(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix."""


class Refs:
    """The refs of one store."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def read(self, ref: str) -> tuple[RefDocument, str] | None:
        """The document and its tag, or None where the ref does not exist."""
        found = self._objects.get_tagged(_key(ref))
        return None if found is None else (RefDocument.from_json(found[0], f"ref {ref}"), found[1])

    def document(self, ref: str) -> RefDocument:
        """The document; empty where the ref does not exist."""
        found = self.read(ref)
        return found[0] if found else RefDocument()

    def need(self, ref: str) -> RefDocument:
        """The document; `ArtifactMissing` where the ref does not exist."""
        found = self.read(ref)
        if found is None:
            raise ArtifactMissing(f"ref {ref} does not exist; run the task that makes it first")
        return found[0]

    def swap(self, ref: str, document: RefDocument, tag: str | None) -> str:
        """Write if the ref still has this tag (None: if it does not exist); raises `Conflict`."""
        return self._objects.put(_key(ref), document.to_json(), if_absent=tag is None, if_tag=tag)

    def update(self, ref: str, change: Callable[[RefDocument], RefDocument]) -> RefDocument:
        """Read, change, swap; again when another was faster. Writes nothing where nothing changed."""
        for _ in range(ATTEMPTS):
            found = self.read(ref)
            before = found[0] if found else RefDocument()
            after = change(before)
            if found and after == before:
                return after
            try:
                self.swap(ref, after, found[1] if found else None)
            except Conflict:
                continue
            return after
        raise SourceUnavailable(f"ref {ref} changed {ATTEMPTS} times while it was being written")

    def point(
        self, ref: str, items: Mapping[str, Item], record: Mapping[str, Any] | None = None
    ) -> RefDocument:
        """Make the ref name exactly these artifacts."""
        return self.update(ref, lambda _: RefDocument(dict(items), dict(record or {})))

    def names(self, prefix: str) -> list[str]:
        """All refs below a prefix such as `regions/`."""
        keys = self._objects.names(f"refs/{prefix}")
        return sorted(key.removeprefix("refs/").removesuffix(".json") for key in keys)


def _key(ref: str) -> str:
    return f"refs/{checked_ref(ref)}.json"

"""What a recipe is handed: its parameters, its inputs as local verified files, a folder for what it makes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.contract.artifact import Item, Manifest
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing
from tasks.contract.names import checked_path
from tasks.contract.refs import Refs
from tasks.store import Store


class Artifact:
    """A finished artifact that a task takes. Files are fetched when asked for, and verified."""

    def __init__(self, store: Store, manifest: Manifest, cache: Path) -> None:
        self._store, self.manifest, self._cache = store, manifest, cache

    @property
    def kind(self) -> str:
        """The kind, such as `dem`."""
        return self.manifest.kind

    @property
    def key(self) -> str:
        """The key it lies under."""
        return self.manifest.key

    @property
    def digest(self) -> str:
        """The content digest."""
        return self.manifest.digest

    @property
    def item(self) -> Item:
        """What a ref says of it."""
        return self.manifest.item

    @property
    def properties(self) -> Mapping[str, Any]:
        """What its maker said of it."""
        return self.manifest.properties

    @property
    def names(self) -> tuple[str, ...]:
        """Its files' names."""
        return tuple(self.manifest.files)

    def file(self, name: str) -> Path:
        """A local copy of one file, size and sha256 checked against the manifest. Read only."""
        if name not in self.manifest.files:
            raise ArtifactMissing(
                f"{self.kind}/{self.key} has no file {name!r}; it has {', '.join(self.names)}"
            )
        path = self._cache / self.kind / self.key / name
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        entry = self.manifest.files[name]
        part = path.with_name(path.name + ".part")
        found = self._store.download(f"{self.item.folder}/{entry.path}", part)
        if found != entry.sha256:
            part.unlink()
            raise ArtifactDamaged(
                f"{self.kind}/{self.key}/{name}: expected sha256 {entry.sha256}, found {found}; "
                "delete the artifact's manifest and run its task again"
            )
        part.replace(path)
        return path

    def folder(self, prefix: str) -> Path:
        """Local copies of all files below `prefix`, as a folder."""
        names = [name for name in self.names if name.startswith(f"{prefix}/")]
        if not names:
            raise ArtifactMissing(f"{self.kind}/{self.key} has no files below {prefix!r}")
        for name in names:
            self.file(name)
        return self._cache / self.kind / self.key / prefix


class Scratch:
    """Resumable state of work that may be killed: kept in the store across attempts, promised to nobody."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store, self._folder = store, f"scratch/{folder}/"

    def names(self) -> list[str]:
        """What is there."""
        return sorted(key.removeprefix(self._folder) for key in self._store.names(self._folder))

    def upload(self, path: Path, name: str) -> None:
        """Keep a file."""
        self._store.upload(path, self._folder + checked_path(name))

    def download(self, name: str, path: Path) -> str:
        """Take a file back; returns its sha256."""
        return self._store.download(self._folder + checked_path(name), path)

    def clear(self) -> None:
        """Remove all of it."""
        for name in self.names():
            self._store.delete(self._folder + name)


Make = Callable[[Path, Scratch], Mapping[str, Any]]


@dataclass(frozen=True)
class Job:
    """One run of a task, as its recipe sees it."""

    params: Any
    inputs: Mapping[str, Sequence[Artifact]]
    out: Path
    work: Path
    state: Mapping[str, Any] = field(default_factory=dict)
    makes: Mapping[str, str] = field(default_factory=dict)
    refs: Refs = None  # type: ignore[assignment]  # steps only: they move refs
    store: Store = None  # type: ignore[assignment]  # steps only
    sharer: Callable[[str, Mapping[str, Any], Make], Artifact] = None  # type: ignore[assignment]

    def share(self, kind: str, made_of: Mapping[str, Any], make: Make) -> Artifact:
        """An artifact of its own, such as a raw product, under a key that `made_of` alone decides.

        It is adopted where any run made it before; else `make(folder, scratch)` writes its files into `folder` and
        returns its properties. The manifest of what the recipe makes names it among its inputs.
        """
        return self.sharer(kind, made_of, make)

    def one(self, name: str) -> Artifact:
        """The one artifact taken as `name`."""
        return self.inputs[name][0]

    def maybe(self, name: str) -> Artifact | None:
        """The artifact taken as `name`, or None where an optional one is not there."""
        found = self.inputs.get(name, ())
        return found[0] if found else None

    def many(self, name: str) -> list[Artifact]:
        """All artifacts taken as `name`, by region, then key."""
        return sorted(self.inputs.get(name, ()), key=lambda a: (str(a.properties.get("region", "")), a.key))


def sha256_of(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

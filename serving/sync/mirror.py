"""Copies released versions from the store to the local disk, whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from serving.releases import RELEASE_FILE, release_folder
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing
from tasks.job import sha256_of
from tasks.store import Store

INCOMING = ".incoming"

log = logging.getLogger(__name__)


class Mirror:
    """The folder below which the server finds `<model>/<version>/saved_model.pb`."""

    def __init__(self, store: Store, root: Path) -> None:
        self._store, self._root = store, root
        self._verified: set[tuple[str, int]] = set()
        shutil.rmtree(root / INCOMING, ignore_errors=True)  # what a killed sync left
        (root / INCOMING).mkdir(parents=True)

    def fetch(self, model: str, version: int) -> None:
        """Have the version on disk. A copy from an earlier process is checked once, and fetched again if damaged."""
        if (model, version) in self._verified and self._folder(model, version).is_dir():
            return
        where = f"{release_folder(model, version)}/{RELEASE_FILE}"
        found = self._store.get_tagged(where)
        if found is None:
            raise ArtifactMissing(
                f"{where} is not in the store: {model} version {version} was never pushed whole"
            )
        files = _files(found[0], where)
        if not self._intact(model, version, files):
            self._copy(model, version, files)
            log.info("mirrored %s version %d", model, version)
        self._verified.add((model, version))

    def on_disk(self) -> list[tuple[str, int]]:
        """All mirrored versions."""
        folders = (path for path in self._root.glob("[!.]*/*") if path.is_dir() and path.name.isdecimal())
        return [(path.parent.name, int(path.name)) for path in folders]

    def remove(self, model: str, version: int) -> None:
        """Drop a version nobody serves any more."""
        self._set_aside(model, version)
        self._verified.discard((model, version))
        log.info("removed %s version %d", model, version)

    def _copy(self, model: str, version: int, files: dict[str, dict[str, Any]]) -> None:
        incoming = self._root / INCOMING / f"{model}-{version}"
        shutil.rmtree(incoming, ignore_errors=True)
        for name, expected in files.items():
            path = incoming / name
            path.parent.mkdir(parents=True, exist_ok=True)
            found = self._store.download(f"{release_folder(model, version)}/{name}", path)
            if found != expected["sha256"]:
                raise ArtifactDamaged(
                    f"{release_folder(model, version)}/{name}: expected sha256 {expected['sha256']}, found {found}"
                )
        target = self._folder(model, version)
        self._set_aside(model, version)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(incoming, target)

    def _set_aside(self, model: str, version: int) -> None:
        """Remove a folder in one step, as the server sees it."""
        folder, aside = self._folder(model, version), self._root / INCOMING / f"old-{model}-{version}"
        if folder.exists():
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(folder, aside)
            shutil.rmtree(aside)

    def _intact(self, model: str, version: int, files: dict[str, dict[str, Any]]) -> bool:
        folder = self._folder(model, version)
        return all((folder / n).is_file() and sha256_of(folder / n) == f["sha256"] for n, f in files.items())

    def _folder(self, model: str, version: int) -> Path:
        return self._root / model / str(version)


def _files(data: bytes, where: str) -> dict[str, dict[str, Any]]:
    """The files a release names; a name that could leave the folder is refused."""
    try:
        files: dict[str, dict[str, Any]] = json.loads(data)["files"]
        names: Iterable[str] = list(files)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactDamaged(f"{where} cannot be read: {error!r}") from error
    for name in names:
        path = PurePosixPath(name)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
            raise ArtifactDamaged(f"{where} names the file {name!r}, which is not inside its folder")
    return files

"""A store in a local folder: conditional writes under a file lock. For one machine; not for network file systems."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.contract.errors import ArtifactMissing, Conflict, InvalidName

TEMPORARY = ".tmp-"


class FileStore:
    """Objects as files below `root`. A write is a temporary file, synced, renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def get_tagged(self, key: str) -> tuple[bytes, str] | None:
        """See `Store`."""
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        return data, _tag(data)

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None) -> str:
        """See `Store`."""
        with self._locked():
            if if_absent or if_tag is not None:
                found = self.get_tagged(key)
                if (if_absent and found) or (if_tag is not None and (found is None or found[1] != if_tag)):
                    raise Conflict(f"{key} was written by another")
            with self._replacing(key) as temporary:
                temporary.write_bytes(data)
        return _tag(data)

    def upload(self, path: Path, key: str) -> None:
        """See `Store`."""
        with self._replacing(key) as temporary:
            shutil.copyfile(path, temporary)

    def download(self, key: str, path: Path) -> str:
        """See `Store`."""
        digest = hashlib.sha256()
        try:
            with self._path(key).open("rb") as source, path.open("wb") as target:
                while chunk := source.read(1 << 20):
                    digest.update(chunk)
                    target.write(chunk)
        except FileNotFoundError as error:
            raise ArtifactMissing(f"{key} is not in {self.root}") from error
        return digest.hexdigest()

    def names(self, prefix: str) -> Iterator[str]:
        """See `Store`."""
        start = self.root / prefix.rpartition("/")[0]
        for folder, _, files in os.walk(start):
            for name in files:
                key = (Path(folder) / name).relative_to(self.root).as_posix()
                if key.startswith(prefix) and not name.startswith(TEMPORARY):
                    yield key

    def delete(self, key: str) -> None:
        """See `Store`."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        if not key or key.startswith("/") or ".." in key.split("/"):
            raise InvalidName(f"object key {key!r} is not allowed")
        return self.root / key

    @contextmanager
    def _replacing(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        try:
            yield Path(name)
            os.fsync(handle)
            Path(name).replace(path)
        finally:
            os.close(handle)
            Path(name).unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""A download that can be continued: bytes on disk, their hash, and what the server said the file is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

PART = 64 << 20
ABOUT = "about.json"


class Shelf(Protocol):
    """Where finished parts are kept across attempts; `tasks.job.Scratch` is one."""

    def names(self) -> list[str]:
        """What is there."""

    def upload(self, path: Path, name: str) -> None:
        """Keep a file."""

    def download(self, name: str, path: Path) -> str:
        """Take a file back; returns its sha256."""

    def clear(self) -> None:
        """Remove all of it."""


class Resumed:
    """The part file at `path`, from its first byte on without a hole."""

    def __init__(self, path: Path, shelf: Shelf | None = None, part: int = PART) -> None:
        self.path, self._shelf, self._part = path, shelf, part
        self.size, self.validator = 0, ""
        self.total: int | None = None
        self._hash = hashlib.sha256()
        self._kept = 0

    @property
    def sha256(self) -> str:
        """Of all bytes so far."""
        return self._hash.hexdigest()

    def restore(self) -> None:
        """Take back the parts an earlier attempt kept, as far as they follow each other unharmed."""
        names = self._shelf.names() if self._shelf else []
        if not self._shelf or ABOUT not in names:
            return
        piece = self._piece
        try:
            self._shelf.download(ABOUT, piece)
            about = json.loads(piece.read_text())
            self.validator, self.total = about["validator"], about["total"]
            for number, name in enumerate(name for name in sorted(names) if name.startswith(self._tag)):
                where, _, digest = name.rpartition("-")
                if where != f"{self._tag}{number:05d}" or self._shelf.download(name, piece) != digest:
                    break
                self._append(piece.read_bytes())
                self._kept = self.size
        finally:
            piece.unlink(missing_ok=True)

    def continues(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether an answer is the rest of what is here, of the same file."""
        if status != 206:
            return False
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        same = validator(headers) in ("", self.validator)
        return bool(found and same and int(found[1]) == self.size and found[2] in ("*", str(self.total)))

    def start_over(self, headers: Mapping[str, str]) -> None:
        """Forget all bytes; `headers` tell of the file that comes now."""
        length = headers.get("Content-Length", "")
        self.size, self.total, self.validator = (
            0,
            int(length) if length.isdigit() else None,
            validator(headers),
        )
        self._hash, self._kept = hashlib.sha256(), 0
        with self.path.open("wb"):
            pass
        if self._shelf:
            self._shelf.clear()

    def write(self, data: bytes) -> None:
        """The next bytes; whole parts go onto the shelf."""
        self._append(data)
        while self._shelf and self.validator and self.size - self._kept >= self._part:
            self._keep()

    def _append(self, data: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        self._hash.update(data)
        self.size += len(data)

    def _keep(self) -> None:
        assert self._shelf  # the caller asked
        piece = self._piece
        try:
            if not self._kept:
                piece.write_text(json.dumps({"validator": self.validator, "total": self.total}))
                self._shelf.upload(piece, ABOUT)
            with self.path.open("rb") as file:
                file.seek(self._kept)
                data = file.read(self._part)
            piece.write_bytes(data)
            number = self._kept // self._part
            self._shelf.upload(piece, f"{self._tag}{number:05d}-{hashlib.sha256(data).hexdigest()}")
        finally:
            piece.unlink(missing_ok=True)
        self._kept += self._part

    @property
    def _tag(self) -> str:
        return hashlib.sha256(f"{self.validator} {self.total}".encode()).hexdigest()[:12] + "-"

    @property
    def _piece(self) -> Path:
        return self.path.with_name(self.path.name + ".piece")


def validator(headers: Mapping[str, str]) -> str:
    """What `If-Range` may hold: a strong ETag, else Last-Modified; empty where the server names neither."""
    etag = headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return headers.get("Last-Modified", "")

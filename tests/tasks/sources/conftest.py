"""A web server on loopback that does as a script says, down to the byte at which it hangs up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest


@dataclass
class Say:
    """One answer. `keep` bytes of the body are sent, then the line is cut; `drip_s` is waited between bytes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    keep: int | None = None
    drip_s: float = 0
    hang_up: bool = False  # before the first byte of an answer


@dataclass
class File:
    """A file with an ETag that honours Range and If-Range; of its answers, the first `cuts` break off there."""

    body: bytes
    etag: str = '"one"'
    cuts: list[int] = field(default_factory=list)

    def __call__(self, asked: Mapping[str, str]) -> Say:
        found = re.fullmatch(r"bytes=(\d+)-", asked.get("Range", ""))
        start = int(found[1]) if found and asked.get("If-Range") == self.etag else 0
        rest = self.body[start:]
        about = {"ETag": self.etag, "Content-Length": str(len(rest))}
        keep = self.cuts.pop(0) if self.cuts else None
        if not start:
            return Say(200, about, rest, keep)
        span = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        return Say(206, {**about, "Content-Range": span}, rest, keep)


Script = Say | list[Say] | Callable[[Mapping[str, str]], Say]


class Server:
    """Its url, what it says by path, and the headers of what it was asked."""

    def __init__(self, url: str) -> None:
        self.url, self.port = url, int(url.rpartition(":")[2])
        self.says: dict[str, Script] = {}
        self.asked: list[dict[str, str]] = []

    def answer(self, path: str, headers: Mapping[str, str]) -> Say:
        self.asked.append(dict(headers))
        script = self.says.get(path, Say(404))
        if isinstance(script, list):
            return script.pop(0) if len(script) > 1 else script[0]
        return script(headers) if callable(script) else script


@pytest.fixture
def server(serve: Callable[..., str]) -> Server:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            say = known.answer(self.path.partition("?")[0], self.headers)
            self.close_connection = True
            if say.hang_up:
                return
            self.send_response(say.status)
            for name, value in {"Content-Length": str(len(say.body)), **say.headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            body = say.body[: say.keep]
            try:
                if not say.drip_s:
                    self.wfile.write(body)
                for byte in body if say.drip_s else b"":
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(say.drip_s)
            except OSError:
                pass  # the client had enough

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: Any) -> None:
            pass

    known = Server(serve(Handler))
    return known

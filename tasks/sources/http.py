"""HTTP to the hosts that are allowed: JSON answers, validators and whole files, asked for again with patience."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError

from tasks.contract.config import Config
from tasks.contract.errors import BadData, InvalidParams, SourceUnavailable, Temporary
from tasks.sources.resume import Resumed, Shelf

Query = Mapping[str, str | int]
Ask = Callable[[str, Query], dict[str, Any]]
Done = TypeVar("Done")

BUSY = (408, 425, 429, 500, 502, 503, 504)
GONE_ON = 416
REDIRECTS = 5
CHUNK = 1 << 18
MAX_ANSWER = 256 << 20
MAX_FILE = 16 << 30
PROGRESS = 1 << 20
SPARE = 256 << 20  # bytes of disk that a download leaves free
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
WEB_PAGE = (b"<!doctype html", b"<html")


@dataclass(frozen=True)
class Patience:
    """How often and how long to try. A wait a server asks for beyond `longest_wait_s` is left to the next attempt."""

    tries: int = 6
    backoff_s: float = field(default_factory=lambda: float(os.environ.get("PIPELINE_BACKOFF_S", 1)))
    longest_wait_s: float = 60
    connect_s: float = 10
    read_s: float = 60
    answer_s: float = 180
    least_rate: float = 16 << 10  # bytes a second, over `rate_s`
    rate_s: float = 60

    def wait(self, failures: int, asked_for: float) -> float:
        """Seconds before the next try: exponential with jitter, at least what the server asks for."""
        backoff = self.backoff_s * 2 ** (failures - 1) * random.uniform(0.5, 1.5)
        return max(asked_for, min(backoff, self.longest_wait_s))


class Busy(SourceUnavailable):
    """The server says when to come back."""

    wait_s: float = 0


def private_hosts() -> frozenset[str]:
    """Hosts that the deployment allows although their addresses may be private ones."""
    names = os.environ.get("PIPELINE_PRIVATE_HOSTS", "").split(",")
    return frozenset(name.strip().lower() for name in names if name.strip())


def checked_url(url: str) -> str:
    """The URL itself when it is http or https, names a host, and carries no password."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidParams(f"a source's url must be http:// or https:// with a host, found {url!r}")
    if parts.username or parts.password:
        raise InvalidParams(f"a source's url on {parts.hostname} holds a user or password; take it out")
    return url


def check_host(host: str) -> None:
    """Raise `InvalidParams` unless sources may be on this host."""
    if host.lower() not in Config().hosts() | private_hosts():
        raise InvalidParams(
            f"host {host!r} is not among those that data may come from; add it to hosts.toml if it shall be"
        )


class _Connection:
    """Refuses private addresses, whatever a name resolves to; ends an answer whose headers only drip in."""

    host: str
    sock: socket.socket | None

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        address = ipaddress.ip_address(sock.getpeername()[0].partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if self.host.strip("[]").lower() not in private_hosts() and (
            not address.is_global or address.is_multicast
        ):
            sock.close()
            raise InvalidParams(
                f"host {self.host!r} has the private address {address}; if it is a service of yours, "
                "allow it by name in PIPELINE_PRIVATE_HOSTS"
            )
        return sock

    def getresponse(self) -> Any:
        sock = self.sock
        limit = (sock.gettimeout() if sock else None) or Patience.read_s
        watchdog = threading.Timer(limit, _shut, (sock,))
        watchdog.daemon = True
        watchdog.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            watchdog.cancel()


def _shut(sock: socket.socket | None) -> None:
    try:
        if sock:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class _Http(_Connection, HTTPConnection):
    pass


class _Https(_Connection, HTTPSConnection):
    pass


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


class AllowedHosts(urllib3.PoolManager):
    """Connections to hosts on the list only, redirects included."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def connection_from_host(self, host: str | None, *args: Any, **named: Any) -> Any:
        """See urllib3."""
        check_host((host or "").strip("[]"))
        return super().connection_from_host(host, *args, **named)


POOL = AllowedHosts(maxsize=4)


def ask(url: str, query: Query, *, patience: Patience | None = None) -> dict[str, Any]:
    """One GET, answered by a JSON object; asked again while the service is busy."""
    patience = patience or Patience()

    def once() -> dict[str, Any]:
        with opened("GET", url, patience, fields=query) as answer:
            body, end = bytearray(), time.monotonic() + patience.answer_s
            while piece := answer.read1(CHUNK):
                body += piece
                if len(body) > MAX_ANSWER:
                    raise BadData(f"{url} answers with more than {MAX_ANSWER >> 20} MB; narrow the query")
                if time.monotonic() > end:
                    raise SourceUnavailable(f"{url} has not ended its answer in {patience.answer_s:g} s")
            return json_object(bytes(body), url)

    return patiently(once, url, patience)


def validators(url: str, *, patience: Patience | None = None) -> dict[str, Any]:
    """What a server says of a file without sending it: etag, modified, size, those it names."""
    patience = patience or Patience()

    def once() -> dict[str, Any]:
        try:
            with opened("HEAD", url, patience) as answer:
                headers = answer.headers
        except NoSuchMethod:
            return {}
        found = {"etag": headers.get("ETag"), "modified": headers.get("Last-Modified")}
        size = headers.get("Content-Length", "")
        return {name: text for name, text in found.items() if text} | (
            {"size": int(size)} if size.isdigit() else {}
        )

    return patiently(once, url, patience)


def download(
    url: str,
    path: Path,
    *,
    size: int | None = None,
    scratch: Shelf | None = None,
    limit: int = MAX_FILE,
    patience: Patience | None = None,
) -> str:
    """Stream a whole file to `path` and return its sha256.

    What arrived before a cut is kept and continued from, in `scratch` for later attempts too, as long as the server
    vouches that the file is the same. `size` is what a catalogue says. Only a whole file ever appears at `path`.
    """
    patience = patience or Patience()
    part = path.with_name(path.name + ".part")
    done = Resumed(part, scratch)
    try:
        with room_for(url):
            done.restore()
            while not _went_through(url, done, size, limit, patience):
                pass
            if not done.size:
                raise SourceUnavailable(f"{url} sent an empty file; try again later")
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return done.sha256


class _Onward(Exception):
    """Cut short, but further than ever before: the tries start afresh."""


def _went_through(url: str, done: Resumed, size: int | None, limit: int, patience: Patience) -> bool:
    """Whether the whole file came; False where it got further than ever before it was cut, for another round."""
    further = done.size + PROGRESS
    try:
        patiently(lambda: _fetch(url, done, size, limit, patience, further), url, patience)
    except _Onward:
        return False
    return True


def _fetch(url: str, done: Resumed, size: int | None, limit: int, patience: Patience, further: int) -> None:
    """One request for what is still missing."""
    headers = {"Accept-Encoding": "identity"}
    if done.size:
        headers |= {"Range": f"bytes={done.size}-", "If-Range": done.validator}
    try:
        with opened("GET", url, patience, headers=headers) as answer:
            if not done.continues(answer.status, answer.headers):
                whole = answer.status == 200
                done.start_over(answer.headers if whole else {})
                if not whole:
                    raise SourceUnavailable(
                        f"{url} answers a range with HTTP {answer.status}; try again later"
                    )
            piece = answer.read1(CHUNK)
            if not done.size:
                refuse_web_page(url, answer.headers.get("Content-Type", ""), piece)
            _check_length(url, done, size, limit)
            _receive(url, answer, piece, done, limit, patience)
    except (HTTPError, SourceUnavailable) as error:
        if done.validator and done.size >= further:
            raise _Onward from error
        if not done.validator:
            done.start_over({})
        raise
    if done.total is not None and done.size != done.total:
        found, total = done.size, done.total
        done.start_over({})
        raise SourceUnavailable(f"{url} sent {found} bytes where it promised {total}; try again later")
    if size is not None and done.size != size:
        raise SourceUnavailable(f"{url} sent {done.size} bytes, its catalogue says {size}; try again later")


def _check_length(url: str, done: Resumed, size: int | None, limit: int) -> None:
    if done.total is None:
        return
    if done.total > limit:
        raise BadData(f"{url} is {done.total} bytes long, more than the {limit} that are allowed")
    if size is not None and done.total != size:
        raise SourceUnavailable(
            f"{url} is {done.total} bytes long, its catalogue says {size}; try again when they agree"
        )
    free = shutil.disk_usage(done.path.parent).free
    if done.total - done.size > free - SPARE:
        raise Temporary(
            f"{url} needs {done.total - done.size} bytes more and the disk has {free} free, of which {SPARE} are "
            "kept; make room or set PIPELINE_WORK to a larger disk"
        )


def _receive(url: str, answer: Any, piece: bytes, done: Resumed, limit: int, patience: Patience) -> None:
    since, before = time.monotonic(), done.size
    while piece:
        done.write(piece)
        if done.size > limit:
            raise BadData(f"{url} is longer than the {limit} bytes that are allowed")
        if (passed := time.monotonic() - since) > patience.rate_s:
            if done.size - before < patience.least_rate * passed:
                raise SourceUnavailable(
                    f"{url} sends {(done.size - before) / passed:.0f} bytes a second, less than "
                    f"{patience.least_rate:.0f}; try again later"
                )
            since, before = time.monotonic(), done.size
        piece = answer.read1(CHUNK)


def refuse_web_page(url: str, content_type: str, start: bytes) -> None:
    """Raise `BadData` where a web page came instead of a file: a log-in, or an error with status 200."""
    if content_type.startswith("text/html") or start.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(
        WEB_PAGE
    ):
        raise BadData(
            f"{url} sent a web page (HTML) where a file was expected: it is not a TIFF or other data, it begins with "
            f"{start[:40]!r}; open the address in a browser to see whether it moved or asks for a log-in"
        )


class NoSuchMethod(BadData):
    """The server does not answer this kind of request."""


@contextmanager
def opened(method: str, url: str, patience: Patience, **request: Any) -> Iterator[Any]:
    """A good answer (2xx), its body not read yet; redirects are followed by hand, each to an allowed host."""
    where = checked_url(url)
    timeout = urllib3.Timeout(connect=patience.connect_s, read=patience.read_s)
    for _ in range(REDIRECTS + 1):
        answer = POOL.request(
            method, where, preload_content=False, redirect=False, retries=False, timeout=timeout, **request
        )
        try:
            goal = answer.get_redirect_location()
            if not goal:
                check_status(answer.status, url, answer.headers.get("Retry-After", ""), patience)
                yield answer
                return
        finally:
            answer.close()
        where = checked_url(urljoin(where, goal))
        request.pop("fields", None)  # the redirect's address holds them
    raise BadData(f"{url} redirects more than {REDIRECTS} times; check the region's url")


def check_status(status: int, url: str, retry_after: str, patience: Patience) -> None:
    """Raise what an HTTP status means for a retry: busy, or a request that will never work."""
    if status in BUSY:
        busy = Busy(f"{url} is busy (HTTP {status}); try again later")
        try:
            busy.wait_s = urllib3.Retry().parse_retry_after(retry_after) if retry_after else 0
        except HTTPError:
            busy.wait_s = 0
        raise busy
    if status in (405, 501):
        raise NoSuchMethod(f"{url} refuses the request (HTTP {status}); check the region's url")
    if status not in (200, 204, 206, GONE_ON):
        raise BadData(f"{url} refuses the request (HTTP {status}); check the region's url")


def patiently(once: Callable[[], Done], url: str, patience: Patience) -> Done:
    """What `once` returns, tried again after what may pass."""
    failures = 0
    while True:
        try:
            return once()
        except (SourceUnavailable, HTTPError) as error:
            failures += 1
            asked_for = error.wait_s if isinstance(error, Busy) else 0
            if asked_for > patience.longest_wait_s:
                raise SourceUnavailable(
                    f"{url} is busy and asks to come back in {asked_for:.0f} s"
                ) from error
            if failures >= patience.tries:
                if isinstance(error, SourceUnavailable):
                    raise
                what = "breaks off" if isinstance(error, ProtocolError) else "does not answer"
                raise SourceUnavailable(f"{url} {what}: {error}; tried {failures} times") from error
            time.sleep(patience.wait(failures, asked_for))


def json_object(body: bytes, url: str) -> dict[str, Any]:
    """The JSON object in a body. An empty body means busy (TNM Access does that), so does a page of HTML."""
    if not body.strip():
        raise SourceUnavailable(f"{url} sent an empty answer, which means that it is busy; try again later")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise SourceUnavailable(f"{url} sent no JSON but {body[:60]!r}; try again later") from error
    if not isinstance(value, dict):
        raise BadData(f"{url} sent a JSON {type(value).__name__} where an object was expected")
    return value


@contextmanager
def room_for(what: str) -> Iterator[None]:
    """Says in a sentence that the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise Temporary(
            f"the disk is full while {what} is taken; make room or set PIPELINE_WORK to a larger disk"
        ) from error

"""The reports in a browser: a small read-only web server on loopback over the object storage.

    python -m infra.local.reports --port 8095

It gives out what lies below reports/ and the reports' own files, artifacts/<kind>-report/, and nothing else.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from urllib.parse import unquote, urlsplit

from infra.local.ports import HOST
from tasks.contract.errors import ArtifactMissing, InvalidName, PipelineError
from tasks.contract.names import checked_path
from tasks.store import Store, open_store

ENTRY = "/reports/index.html"
SERVED = re.compile(
    r"(reports|artifacts/[a-z0-9-]+-report)/.+|artifacts/augmented-tiles/.+/contact\.png", re.DOTALL
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".csv": "text/csv; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".otf": "font/otf",
    ".woff2": "font/woff2",
    ".parquet": "application/vnd.apache.parquet",
    ".gpkg": "application/geopackage+sqlite3",
}
CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OWN_PAGES = f"{CLOSED}; img-src 'self'; style-src 'unsafe-inline'"
WEB = " ".join(
    f"https://{host}"
    for host in (
        *(
            "cdn.jsdelivr.net",
            "cdnjs.cloudflare.com",
            "maxcdn.bootstrapcdn.com",
            "stackpath.bootstrapcdn.com",
        ),
        *("unpkg.com", "code.jquery.com"),
    )
)
# Great Expectations' pages take styles and scripts from these hosts. The sandbox gives them an origin of their own.
DATA_DOCS = (
    f"{CLOSED}; sandbox allow-scripts allow-popups; img-src 'self' data:; font-src 'self' {WEB}; "
    f"style-src 'self' 'unsafe-inline' {WEB}; script-src 'unsafe-inline' {WEB}"
)
NO_INDEX = "There is no index of the reports yet. It is written at the end of each run of ingest and dataset."
NOT_THERE = "There is no such report, or it is no longer kept. All that there is: /reports/index.html"


def key_of(path: str) -> str | None:
    """The object that an address means; None where it is not ours to give out."""
    key = unquote(path).removeprefix("/")
    try:
        hidden = any(segment.startswith(".") for segment in checked_path(key).split("/"))
    except InvalidName:
        return None
    known = PurePosixPath(key).suffix in TYPES
    return key if known and not hidden and SERVED.fullmatch(key) else None


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD; every other method is answered with 501."""

    server_version, sys_version = "reports", ""
    timeout = 30

    def __init__(self, store: Store, *arguments: object) -> None:
        self.store = store
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with the object, a redirect to the index, or one sentence."""
        path = urlsplit(self.path).path
        # A page elsewhere that has its own name resolve to this machine must not read along.
        if (self.headers.get("Host") or "").split(":")[0] not in (HOST, "localhost"):
            self.say(HTTPStatus.MISDIRECTED_REQUEST, f"These pages are at http://{HOST} and localhost only.")
        elif path in ("/", "/reports", "/reports/"):
            self.head(HTTPStatus.FOUND, {"Location": ENTRY, "Content-Length": "0"})
        elif (key := key_of(path)) is None:
            self.say(HTTPStatus.NOT_FOUND, NOT_THERE)
        else:
            self.give(key)

    do_HEAD = do_GET  # noqa: N815

    def give(self, key: str) -> None:
        """Pass the object on by way of a temporary file: no object is ever whole in memory."""
        with tempfile.TemporaryDirectory(prefix="reports-") as folder:
            copy = Path(folder) / "object"
            try:
                self.store.download(key, copy)
            except (ArtifactMissing, NotADirectoryError, IsADirectoryError):
                self.say(HTTPStatus.NOT_FOUND, NO_INDEX if f"/{key}" == ENTRY else NOT_THERE)
                return
            except PipelineError as error:
                self.log_error("%s", error)
                self.say(
                    HTTPStatus.SERVICE_UNAVAILABLE, "The object storage does not answer; try again soon."
                )
                return
            headers = {
                "Content-Type": TYPES[PurePosixPath(key).suffix],
                "Content-Length": str(copy.stat().st_size),
                "Content-Security-Policy": DATA_DOCS if is_data_docs(key) else OWN_PAGES,
                # An attempt's folder is written once; the index is not.
                "Cache-Control": "no-cache"
                if key.startswith("reports/")
                else "private, max-age=86400, immutable",
            }
            self.head(HTTPStatus.OK, headers)
            if self.command == "GET":
                with copy.open("rb") as file:
                    copyfileobj(file, self.wfile)

    def say(self, status: HTTPStatus, sentence: str) -> None:
        """One sentence as plain text."""
        text = f"{sentence}\n".encode()
        plain = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(text))}
        self.head(status, plain | {"Content-Security-Policy": CLOSED, "Cache-Control": "no-store"})
        if self.command == "GET":
            self.wfile.write(text)

    def head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        """Status line and headers."""
        self.send_response(status)
        always = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
        for name, value in (headers | always).items():
            self.send_header(name, value)
        self.end_headers()


def is_data_docs(key: str) -> bool:
    """Whether a page is one of Great Expectations' own: artifacts/<kind>/<key>/<attempt>/docs/..."""
    parts = key.split("/")
    return parts[0] == "artifacts" and len(parts) > 5 and parts[4] == "docs"


def server(store: Store, port: int) -> ThreadingHTTPServer:
    """The server, bound to loopback; port 0 takes a free one."""
    return ThreadingHTTPServer((HOST, port), partial(Handler, store))


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="The reports, read-only, on loopback.")
    parser.add_argument("--port", type=int, default=8095)
    server(open_store(), parser.parse_args().port).serve_forever()


if __name__ == "__main__":
    main()

"""Stand-ins for The National Map, an ArcGIS inventory and a file server, on loopback, over a folder from `quadrangle`.

python -m infra.sample.service --data DIR --port 8094
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.sample import arcgis, catalogue
from infra.sample.folder import metadata
from infra.sample.layers import LAYERS, Inventory

SERVICES = "/arcgis/rest/services/CGS/LandslideInventory_Sample"
_ARCGIS = re.compile(rf"{SERVICES}/(MapServer|FeatureServer)(?:/(\d+)(/query)?)?/?")
_CHUNK = 1 << 20
_MOST_FORM = 1 << 20


class Service(ThreadingHTTPServer):
    """The server and what it serves."""

    daemon_threads = True

    def __init__(self, data: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.data = data
        self.inventory = Inventory(data)
        super().__init__((host, port), Handler)


class Handler(BaseHTTPRequestHandler):
    """One request. Anything but the paths below is 404."""

    protocol_version = "HTTP/1.1"
    server_version = "synthetic-sample"
    timeout = 60
    server: Service

    def do_GET(self) -> None:
        """Answer."""
        url = urlsplit(self.path)
        self._answer(url.path, dict(parse_qsl(url.query)))

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def do_POST(self) -> None:
        """ArcGIS takes long queries as a form."""
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST_FORM:
            self.close_connection = True
            return self._json({"error": "form too large"}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        form = self.rfile.read(length).decode("utf-8", "replace")
        if not url.path.endswith("/query"):
            return self._json({"error": "method not allowed"}, HTTPStatus.METHOD_NOT_ALLOWED)
        return self._answer(url.path, dict(parse_qsl(url.query)) | dict(parse_qsl(form)))

    def _answer(self, path: str, params: dict[str, str]) -> None:
        if path in ("/", "/health"):
            return self._health()
        if path == "/tnm/api/v1/products":
            return self._products(params)
        if path.startswith((catalogue.STAGED, f"{catalogue.LAYERS}/")):
            return self._download(path)
        match = _ARCGIS.fullmatch(path)
        if match:
            return self._json(self._arcgis(match[1] == "FeatureServer", match[2], bool(match[3]), params))
        return self._json({"error": f"nothing at {path}"}, HTTPStatus.NOT_FOUND)

    def _health(self) -> None:
        found = metadata(self.server.data)
        if found is None:
            return self._json({"status": "no data"}, HTTPStatus.SERVICE_UNAVAILABLE)
        return self._json({"status": "ok", "synthetic": True, "title": found["title"]})

    def _products(self, params: dict[str, str]) -> None:
        host = self.headers.get("Host") or "{}:{}".format(*self.server.server_address[:2])
        try:
            self._json(catalogue.products(self.server.data, f"http://{host}", params))
        except catalogue.BadSearch as wrong:
            self._json({"error": str(wrong)}, HTTPStatus.BAD_REQUEST)

    def _arcgis(
        self, editable: bool, number: str | None, asked: bool, params: dict[str, str]
    ) -> dict[str, Any]:
        inventory = self.server.inventory
        if number is None:
            return arcgis.service_document((metadata(self.server.data) or {}).get("title", ""))
        if int(number) >= len(LAYERS):
            return arcgis.error_document(400, "Invalid or missing input parameters.", f"layer {number}")
        layer = LAYERS[int(number)]
        if not asked:
            return arcgis.layer_document(inventory, layer, editable=editable)
        try:
            return arcgis.query(inventory, layer, params)
        except arcgis.BadQuery as wrong:
            return arcgis.error_document(400, *map(str, wrong.args))

    def _download(self, path: str) -> None:
        file = catalogue.staged_file(self.server.data, path)
        if file is None:
            return self._json({"error": f"nothing at {path}"}, HTTPStatus.NOT_FOUND)
        about = {"ETag": file.etag, "Last-Modified": file.modified, "Accept-Ranges": "bytes"}
        if file.etag in (tag.strip() for tag in self.headers.get("If-None-Match", "").split(",")):
            return self._head(HTTPStatus.NOT_MODIFIED, about)
        same = self.headers.get("If-Range", file.etag) in (file.etag, file.modified)
        try:
            span = file.span(self.headers.get("Range") if same else None)
        except catalogue.BadRange:
            beyond = {**about, "Content-Range": f"bytes */{file.size}", "Content-Length": "0"}
            return self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, beyond)
        start, end = span or (0, file.size)
        about |= {"Content-Type": file.content_type, "Content-Length": str(end - start)}
        if span:
            about["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        self._head(HTTPStatus.PARTIAL_CONTENT if span else HTTPStatus.OK, about)
        if self.command != "HEAD":
            self._send(file.path, start, end)

    def _send(self, path: Path, start: int, end: int) -> None:
        with path.open("rb") as body:
            body.seek(start)
            while start < end:
                piece = body.read(min(_CHUNK, end - start))
                if not piece:
                    self.close_connection = True  # the file shrank: better a broken answer than a wrong one
                    return
                self.wfile.write(piece)
                start += len(piece)

    def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _json(self, document: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        body = json.dumps(document).encode()
        self._head(
            status, {"Content-Type": "application/json;charset=utf-8", "Content-Length": str(len(body))}
        )
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """One short line a request."""
        sys.stderr.write(f"{self.log_date_time_string()} {format % args}\n")


def main(argv: list[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="infra.sample.service", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder made by infra.sample.quadrangle")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8094)
    args = parser.parse_args(argv)
    if metadata(args.data) is None:
        raise SystemExit(
            f"{args.data} holds no sample; make one: python -m infra.sample.quadrangle --out {args.data}"
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Service(args.data, args.host, args.port) as service:
        print(f"serving {args.data} on http://{args.host}:{service.server_address[1]}", flush=True)
        with suppress(KeyboardInterrupt):
            service.serve_forever()


if __name__ == "__main__":
    main()

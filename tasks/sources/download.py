"""HTTP with retries: JSON answers and whole files. The retry policy is urllib3's."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, IncompleteRead, ProtocolError, ReadTimeoutError

from tasks.contract.errors import SourceUnavailable
from tasks.sources.service import BUSY, Query, check_status, checked_url, json_object

RETRIES = urllib3.Retry(
    total=4, backoff_factor=0.5, backoff_jitter=0.5, status_forcelist=BUSY, raise_on_status=False
)
POOL = urllib3.PoolManager(retries=RETRIES, timeout=urllib3.Timeout(connect=10, read=60))
CHUNK = 1 << 20


def ask(url: str, query: Query) -> dict[str, Any]:
    """One GET, answered by a JSON object; retried while the service is busy."""
    try:
        answer = POOL.request("GET", checked_url(url), fields=dict(query))
    except HTTPError as error:
        raise SourceUnavailable(f"{url} does not answer: {error}") from error
    check_status(answer.status, url)
    return json_object(answer.data, url)


def download(url: str, path: Path, retries: urllib3.Retry = RETRIES) -> str:
    """Stream a whole file to `path` and return its sha256; a body cut short is fetched again."""
    while True:
        try:
            return _once(url, path)
        except (ProtocolError, IncompleteRead, ReadTimeoutError) as error:
            try:
                retries = retries.increment("GET", url, error=error)
            except HTTPError as exhausted:
                raise SourceUnavailable(f"{url} breaks off while it is downloaded: {error}") from exhausted
            retries.sleep()
        except HTTPError as error:
            raise SourceUnavailable(f"{url} does not answer: {error}") from error


def _once(url: str, path: Path) -> str:
    digest = hashlib.sha256()
    plain = {"Accept-Encoding": "identity"}
    answer = POOL.request("GET", checked_url(url), preload_content=False, headers=plain)
    try:
        check_status(answer.status, url)
        with path.open("wb") as out:
            for chunk in answer.stream(CHUNK):  # raises IncompleteRead when Content-Length is not kept
                out.write(chunk)
                digest.update(chunk)
    finally:
        answer.close()
    return digest.hexdigest()

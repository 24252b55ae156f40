"""Ask a web service for JSON with the standard library alone, and say what a bad answer means.

Used where a task polls its source before its key: a retry costs one short process, so there is none here.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from tasks.contract.errors import BadData, InvalidParams, SourceUnavailable

Query = Mapping[str, str | int]
Ask = Callable[[str, Query], dict[str, Any]]
TIMEOUT_S = 60
BUSY = (408, 425, 429, 500, 502, 503, 504)


def checked_url(url: str) -> str:
    """The URL itself when it is http or https with a host; urllib would also open local files."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidParams(f"a source's url must be http:// or https:// with a host, found {url!r}")
    return url


def ask(url: str, query: Query) -> dict[str, Any]:
    """One GET, answered by a JSON object."""
    address = f"{checked_url(url)}?{urlencode(query)}"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        check_status(error.code, url)
        raise SourceUnavailable(f"{url} answered {error.code}") from error
    except (OSError, HTTPException) as error:
        raise SourceUnavailable(f"{url} does not answer: {error}") from error
    return json_object(body, url)


def check_status(status: int, url: str) -> None:
    """Raise what an HTTP status means for a retry: busy, or a request that will never work."""
    if status in BUSY:
        raise SourceUnavailable(f"{url} is busy (HTTP {status}); try again later")
    if status >= 400:
        raise BadData(f"{url} refuses the request (HTTP {status}); check the region's url")


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

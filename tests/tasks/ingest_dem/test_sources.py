"""Services that are busy, break off or lie; paths that try to leave the data folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import urllib3

from tasks.contract.errors import BadData, InvalidParams, SourceUnavailable
from tasks.sources import download, local, service

FAST = urllib3.Retry(total=2, backoff_factor=0.01)


@pytest.mark.parametrize("body", [b"", b"<html>down for maintenance</html>"])
def test_an_empty_or_html_answer_is_worth_a_retry(server, body: bytes) -> None:
    server.replies["/q"] = (200, {}, body)
    with pytest.raises(SourceUnavailable, match="try again"):
        service.ask(server.url + "/q", {})


@pytest.mark.parametrize(
    ("status", "error"), [(503, SourceUnavailable), (429, SourceUnavailable), (404, BadData)]
)
def test_a_status_says_whether_to_retry(server, status: int, error: type[Exception]) -> None:
    server.replies["/q"] = (status, {}, b"{}")
    with pytest.raises(error, match=str(status)):
        service.ask(server.url + "/q", {})


def test_nobody_there_is_worth_a_retry() -> None:
    with pytest.raises(SourceUnavailable, match="does not answer"):
        service.ask("http://127.0.0.1:9/q", {})


def test_a_local_file_is_no_web_address() -> None:
    with pytest.raises(InvalidParams, match="http"):
        service.ask("file:///etc/hostname", {})


def test_a_busy_moment_is_waited_out(server) -> None:
    server.replies["/q"] = [(503, {"Retry-After": "0"}, b""), (200, {}, b'{"a": 1}')]
    assert download.ask(server.url + "/q", {}) == {"a": 1}


def test_a_body_cut_short_is_fetched_again(server, tmp_path: Path) -> None:
    server.replies["/f"] = [(200, {"Content-Length": "9"}, b"abc"), (200, {}, b"abcdefghi")]
    download.download(server.url + "/f", tmp_path / "f", FAST)
    assert (tmp_path / "f").read_bytes() == b"abcdefghi"


def test_a_body_always_cut_short_is_given_up(server, tmp_path: Path) -> None:
    server.replies["/f"] = (200, {"Content-Length": "9"}, b"abc")
    with pytest.raises(SourceUnavailable, match="breaks off"):
        download.download(server.url + "/f", tmp_path / "f", FAST)
    assert len(server.asked) == 3


def test_a_path_or_a_link_that_leaves_the_data_folder_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (data / "link").symlink_to(tmp_path / "secret")
    for path in ("../secret", str(tmp_path / "secret"), "link"):
        with pytest.raises(InvalidParams, match="leads out"):
            local.data_file(path)


def test_a_file_that_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(BadData, match=r"no/dem\.tif"):
        local.data_file("no/dem.tif")

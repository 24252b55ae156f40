"""Servers that are busy, break off, drip, lie or lead elsewhere; disks that are full."""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

import pytest

from tasks.contract.errors import BadData, InvalidParams, SourceUnavailable, Temporary
from tasks.job import Scratch
from tasks.sources.http import Patience, ask, download, validators
from tasks.sources.resume import PART
from tests.tasks.sources.conftest import File, Say

BODY = random.Random(1).randbytes(3_000_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def goal(tmp_path: Path) -> Path:
    return tmp_path / "file"


def nothing_is_left(path: Path) -> bool:
    return not [entry for entry in path.parent.iterdir() if entry.is_file() or entry.is_symlink()]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_storm_is_waited_out(server, goal: Path, status: int) -> None:
    server.says["/q"] = [Say(status)] * 3 + [Say(body=b'{"a": 1}')]
    assert ask(f"{server.url}/q", {}) == {"a": 1}
    server.says["/f"] = [Say(status)] * 3 + [Say(body=BODY)]
    assert download(f"{server.url}/f", goal) == DIGEST


@pytest.mark.parametrize("say", [Say(503), Say(504), Say(body=b""), Say(body=b"<html>"), Say(hang_up=True)])
def test_a_storm_that_does_not_end_is_given_up(server, goal: Path, say: Say) -> None:
    server.says["/q"] = say
    with pytest.raises(SourceUnavailable, match=f"^{server.url}/q .*(try again|tried 6 times)"):
        ask(f"{server.url}/q", {})
    assert len(server.asked) == Patience().tries


def test_what_will_never_work_is_asked_once(server, goal: Path) -> None:
    with pytest.raises(BadData, match="HTTP 404"):
        ask(f"{server.url}/q", {})
    with pytest.raises(BadData, match="HTTP 404"):
        download(f"{server.url}/f", goal)
    assert len(server.asked) == 2


def test_retry_after_is_kept(server) -> None:
    server.says["/q"] = [Say(503, {"Retry-After": "1"}), Say(body=b"{}")]
    start = time.monotonic()
    ask(f"{server.url}/q", {})
    assert time.monotonic() - start >= 1


def test_a_retry_after_of_an_hour_is_left_to_the_next_attempt(server) -> None:
    server.says["/q"] = Say(429, {"Retry-After": "3600"})
    with pytest.raises(SourceUnavailable, match="come back in 3600 s"):
        ask(f"{server.url}/q", {})
    assert len(server.asked) == 1


def test_nobody_there_is_worth_a_retry() -> None:
    with pytest.raises(SourceUnavailable, match="does not answer"):
        ask("http://127.0.0.1:9/q", {})


def test_a_slow_drip_is_cut_off(server, goal: Path) -> None:
    server.says["/f"] = Say(body=BODY, drip_s=0.02)
    patience = Patience(tries=2, rate_s=0.2)
    with pytest.raises(SourceUnavailable, match="bytes a second, less than"):
        download(f"{server.url}/f", goal, patience=patience)
    server.says["/q"] = Say(body=b" " * 1000, drip_s=0.02)
    with pytest.raises(SourceUnavailable, match="has not ended its answer"):
        ask(f"{server.url}/q", {}, patience=Patience(tries=1, answer_s=0.2))
    assert nothing_is_left(goal)


@pytest.mark.parametrize("cut", [0, 1, 1_500_000, len(BODY) - 1])
def test_after_a_cut_the_rest_alone_is_asked_for(server, goal: Path, cut: int) -> None:
    server.says["/f"] = File(BODY, cuts=[cut])
    assert download(f"{server.url}/f", goal, size=len(BODY)) == DIGEST
    assert goal.read_bytes() == BODY
    again = server.asked[1]
    assert (again.get("Range"), again.get("If-Range")) == (
        (f"bytes={cut}-", '"one"') if cut else (None, None)
    )


def test_a_hang_up_before_the_answer_is_tried_again(server, goal: Path) -> None:
    server.says["/f"] = [Say(hang_up=True), Say(body=BODY)]
    assert download(f"{server.url}/f", goal) == DIGEST


def test_a_server_without_etag_is_asked_for_the_whole_again(server, goal: Path) -> None:
    server.says["/f"] = [Say(body=BODY, keep=1_500_000), Say(body=BODY)]
    assert download(f"{server.url}/f", goal) == DIGEST
    assert "Range" not in server.asked[1]


def test_a_file_that_changed_meanwhile_starts_over(server, goal: Path) -> None:
    other = BODY[::-1]
    first, second = File(BODY, cuts=[2_000_000]), File(other, etag='"two"')
    server.says["/f"] = lambda asked: (first if len(server.asked) == 1 else second)(asked)
    assert download(f"{server.url}/f", goal) == hashlib.sha256(other).hexdigest()
    assert server.asked[1]["If-Range"] == '"one"'


def test_progress_is_worth_more_tries(server, goal: Path) -> None:
    body = random.Random(2).randbytes(12_000_000)
    server.says["/f"] = File(body, cuts=[1_100_000] * 10)
    assert download(f"{server.url}/f", goal, patience=Patience(tries=2)) == hashlib.sha256(body).hexdigest()


def test_always_cut_short_is_given_up(server, goal: Path) -> None:
    server.says["/f"] = Say(body=BODY, keep=100)
    with pytest.raises(SourceUnavailable, match="breaks off"):
        download(f"{server.url}/f", goal)
    assert nothing_is_left(goal)


def test_what_a_killed_attempt_kept_is_not_sent_again(server, goal: Path, file_store) -> None:
    body = random.Random(3).randbytes(PART + 5_000_000)
    server.says["/f"] = File(body, cuts=[PART + 1_000_000, 0])
    scratch = Scratch(file_store, "product-1")
    with pytest.raises(SourceUnavailable, match="breaks off"):
        download(f"{server.url}/f", goal, scratch=scratch, patience=Patience(tries=1))
    assert nothing_is_left(goal)
    assert download(f"{server.url}/f", goal, scratch=scratch) == hashlib.sha256(body).hexdigest()
    assert server.asked[-1]["Range"] == f"bytes={PART}-"


def test_kept_parts_of_a_file_that_changed_are_dropped(server, goal: Path, file_store) -> None:
    body = random.Random(3).randbytes(PART + 5_000_000)
    server.says["/f"] = File(body, cuts=[PART + 1_000_000, 0])
    scratch = Scratch(file_store, "product-1")
    with pytest.raises(SourceUnavailable):
        download(f"{server.url}/f", goal, scratch=scratch, patience=Patience(tries=1))
    server.says["/f"] = File(BODY, etag='"two"')
    assert download(f"{server.url}/f", goal, scratch=scratch) == DIGEST
    assert scratch.names() == []


@pytest.mark.parametrize(
    ("say", "size", "sentence"),
    [
        (Say(body=b"12345"), 9, "5 bytes long, its catalogue says 9"),
        (Say(headers={"Content-Length": "9"}, body=b"12345"), None, "breaks off"),
        (Say(headers={"Content-Length": ""}, body=b"12345"), 9, "sent 5 bytes, its catalogue says 9"),
        (Say(), None, "sent an empty file"),
    ],
)
def test_a_length_that_is_not_kept(server, goal: Path, say: Say, size: int | None, sentence: str) -> None:
    server.says["/f"] = say
    with pytest.raises(SourceUnavailable, match=sentence):
        download(f"{server.url}/f", goal, size=size, patience=Patience(tries=2))
    assert nothing_is_left(goal)


@pytest.mark.parametrize(
    "say",
    [Say(body=b"\n<!DOCTYPE html><p>log in"), Say(headers={"Content-Type": "text/html"}, body=b"sorry")],
)
def test_a_web_page_with_status_200(server, goal: Path, say: Say) -> None:
    server.says["/f"] = say
    with pytest.raises(BadData, match=r"sent a web page \(HTML\)"):
        download(f"{server.url}/f", goal, size=9)
    assert nothing_is_left(goal)


def test_a_file_larger_than_allowed(server, goal: Path) -> None:
    server.says["/f"] = Say(body=BODY)
    with pytest.raises(BadData, match="more than the 1000"):
        download(f"{server.url}/f", goal, limit=1000)
    server.says["/f"] = Say(headers={"Content-Length": ""}, body=BODY)
    with pytest.raises(BadData, match="longer than the 1000 bytes"):
        download(f"{server.url}/f", goal, limit=1000)


def test_a_file_larger_than_the_disk(server, goal: Path) -> None:
    server.says["/f"] = Say(headers={"Content-Length": str(10 << 40)}, body=b"II*\0")
    with pytest.raises(Temporary, match="make room"):
        download(f"{server.url}/f", goal, limit=1 << 50)
    assert nothing_is_left(goal)


def test_a_disk_that_fills_up(server, goal: Path) -> None:
    server.says["/f"] = Say(body=BODY)
    goal.with_name("file.part").symlink_to("/dev/full")
    with pytest.raises(Temporary, match="the disk is full"):
        download(f"{server.url}/f", goal)
    assert nothing_is_left(goal)


def test_a_host_that_is_not_on_the_list(goal: Path) -> None:
    with pytest.raises(InvalidParams, match=r"'example\.org' is not among those"):
        download("https://example.org/f", goal)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://x/y", "http:///x", "/etc/hostname"])
def test_what_is_no_web_address(url: str) -> None:
    with pytest.raises(InvalidParams, match="http"):
        ask(url, {})


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(InvalidParams, match="user or password") as caught:
        ask("http://me:secret@127.0.0.1/q", {})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("goal_url", "sentence"),
    [
        ("http://10.0.0.1/x", "not among those"),
        ("http://localhost:{port}/x", "not among those"),
        ("file:///x", "http"),
    ],
)
def test_a_redirect_goes_no_further_than_an_address(server, goal: Path, goal_url: str, sentence: str) -> None:
    server.says["/f"] = Say(302, {"Location": goal_url.format(port=server.port)})
    server.says["/x"] = Say(body=b"secret")
    with pytest.raises(InvalidParams, match=sentence):
        download(f"{server.url}/f", goal)
    assert len(server.asked) == 1


def test_a_listed_name_that_leads_to_a_private_address(
    server, goal: Path, config_folder, monkeypatch
) -> None:
    config = config_folder(hosts='hosts = ["localhost"]')
    monkeypatch.setenv("PIPELINE_CONFIG", str(config.root))
    server.says["/f"] = Say(302, {"Location": f"http://localhost:{server.port}/x"})
    with pytest.raises(InvalidParams, match=r"'localhost' has the private address 127\.0\.0\.1"):
        download(f"{server.url}/f", goal)
    assert len(server.asked) == 1
    monkeypatch.setenv("PIPELINE_PRIVATE_HOSTS", "127.0.0.1,localhost")
    server.says["/x"] = Say(body=BODY)
    assert download(f"{server.url}/f", goal) == DIGEST


def test_redirects_in_a_circle_end(server, goal: Path) -> None:
    server.says["/f"] = Say(302, {"Location": "/f"})
    with pytest.raises(BadData, match="redirects more than"):
        download(f"{server.url}/f", goal)


def test_validators_are_those_the_server_names(server) -> None:
    server.says["/f"] = File(BODY)
    assert validators(f"{server.url}/f") == {"etag": '"one"', "size": len(BODY)}
    server.says["/f"] = Say(405)
    assert validators(f"{server.url}/f") == {}

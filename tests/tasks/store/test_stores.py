"""Both stores keep the same promises."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tasks.contract.errors import ArtifactMissing, Conflict, InvalidConfig, SourceUnavailable
from tasks.store import Store, open_store


@pytest.fixture(params=["file_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> Store:
    """One of the two."""
    found: Store = request.getfixturevalue(request.param)
    return found


def test_put_and_get(store: Store) -> None:
    tag = store.put("a/b.json", b"1")
    assert store.get_tagged("a/b.json") == (b"1", tag)
    assert store.get_tagged("a/none") is None


def test_only_one_may_be_first(store: Store) -> None:
    store.put("a", b"1", if_absent=True)
    with pytest.raises(Conflict):
        store.put("a", b"2", if_absent=True)
    assert store.get_tagged("a")[0] == b"1"  # type: ignore[index]


def test_swap_needs_the_tag_that_was_read(store: Store) -> None:
    first = store.put("a", b"1")
    second = store.put("a", b"2", if_tag=first)
    with pytest.raises(Conflict):
        store.put("a", b"3", if_tag=first)
    assert store.get_tagged("a") == (b"2", second)


def test_large_files_come_back_whole(store: Store, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096 * 80  # 84 MB: more than one part of a multipart upload
    (tmp_path / "up").write_bytes(content)
    store.upload(tmp_path / "up", "big/file.bin")
    assert store.download("big/file.bin", tmp_path / "down") == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "down").stat().st_size == len(content)


def test_names_and_delete(store: Store) -> None:
    for name in ("x/1", "x/y/2", "xz/3", "w"):
        store.put(name, b"-")
    assert sorted(store.names("x/")) == ["x/1", "x/y/2"]
    store.delete("x/1")
    store.delete("x/1")
    assert sorted(store.names("x/")) == ["x/y/2"]


def test_download_of_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing):
        store.download("none", tmp_path / "none")


def test_a_store_that_is_away_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(SourceUnavailable):
        open_store("s3://bucket/prefix").get_tagged("a")


def test_wrong_credentials_are_not_temporary(s3_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(InvalidConfig, match="check bucket and credentials"):
        open_store("s3://landslides/x").get_tagged("a")


@pytest.mark.parametrize("uri", ["", "http://x/y", "s3://", "file://relative"])
def test_addresses_that_are_no_store(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_STORE", raising=False)
    with pytest.raises(InvalidConfig, match="PIPELINE_STORE"):
        open_store(uri)

"""The sync against real stores and a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving import releases
from serving.sync.mirror import Mirror
from serving.sync.rounds import Sync
from tasks.contract.artifact import Item
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing, SourceUnavailable
from tasks.contract.refs import Refs
from tasks.job import sha256_of
from tasks.store import Store

WHEN = "2026-01-01T00:00:00+00:00"


def put_release(store: Store, model: str, version: int, folder: Path, **wrong: Any) -> None:
    """A release as push_model leaves it."""
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        store.upload(path, f"serving/{model}/{version}/{name}")
        files[name] = {"size": path.stat().st_size, "sha256": sha256_of(path)}
    document = {"model": model, "version": version, "files": files | wrong}
    store.put(f"serving/{model}/{version}/release.json", json.dumps(document).encode())


def release(store: Store, model: str, version: int) -> None:
    item = Item("model", str(version), f"sha256:{version}")
    releases.update(Refs(store), model, lambda r: releases.add(r, version, item, "d", WHEN))


def promote(store: Store, model: str, version: int) -> None:
    releases.update(Refs(store), model, lambda r: releases.promote(r, version, WHEN))


def until(sync: Sync, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        sync.round()
        if holds():
            return
        time.sleep(0.2)
    raise AssertionError("the sync did not get there")


@pytest.mark.parametrize("store_name", ["file_store", "s3_store"])
def test_releases_reach_the_server_and_labels_follow(
    request: pytest.FixtureRequest, store_name: str, server: Any, saved: Callable[[float], Path]
) -> None:
    store: Store = request.getfixturevalue(store_name)
    model = store_name.replace("_", "-")
    sync = Sync(store, server.root, server.config, server.rest)
    try:
        for version, factor in {1: 1.0, 2: -2.0, 3: 1.0}.items():
            put_release(store, model, version, saved(factor))
            release(store, model, version)
            until(sync, lambda: sync._server.label(model, "canary") == version)  # noqa: B023
            promote(store, model, version)
            until(sync, lambda: sync._server.label(model, "stable") == version)  # noqa: B023
        until(sync, lambda: not (server.root / model / "1").exists())
        assert sorted(p.name for p in (server.root / model).iterdir()) == ["2", "3"]
        until(
            sync,
            lambda: {v for v, (s, _) in sync._server.states(model).items() if s == "AVAILABLE"} == {2, 3},
        )

        written = server.config.read_text()
        sync.round()
        assert server.config.read_text() == written

        releases.update(Refs(store), model, lambda r: releases.recall(r, 1))
        until(sync, lambda: sync._server.states(model)[1][0] == "AVAILABLE")
        releases.update(Refs(store), model, lambda r: releases.roll_back(r, 1, WHEN))
        until(sync, lambda: sync._server.label(model, "stable") == 1)
    finally:
        server.config.unlink(missing_ok=True)
        server.reload()
        shutil.rmtree(server.root / model, ignore_errors=True)


def test_a_new_sync_restores_what_is_lost_or_damaged(
    file_store: Store, tmp_path: Path, saved: Callable[[float], Path]
) -> None:
    put_release(file_store, "scarps", 1, saved(1.0))
    root = tmp_path / "root"
    Mirror(file_store, root).fetch("scarps", 1)
    graph = root / "scarps" / "1" / "saved_model.pb"
    right = sha256_of(graph)
    graph.write_bytes(b"damaged")
    (root / ".incoming" / "left-by-a-killed-sync").mkdir()
    Mirror(file_store, root).fetch("scarps", 1)
    assert sha256_of(graph) == right
    shutil.rmtree(root / "scarps" / "1")
    Mirror(file_store, root).fetch("scarps", 1)
    assert sha256_of(graph) == right
    assert list((root / ".incoming").iterdir()) == []


def test_what_is_not_whole_never_gets_its_name(
    file_store: Store, tmp_path: Path, saved: Callable[[float], Path]
) -> None:
    mirror = Mirror(file_store, tmp_path / "root")
    with pytest.raises(ArtifactMissing, match="never pushed whole"):
        mirror.fetch("scarps", 1)
    put_release(file_store, "scarps", 1, saved(1.0))
    file_store.put("serving/scarps/1/saved_model.pb", b"tampered")
    with pytest.raises(ArtifactDamaged, match="expected sha256"):
        mirror.fetch("scarps", 1)
    assert mirror.on_disk() == []


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "."])
def test_a_file_name_that_leaves_the_folder_is_refused(
    file_store: Store, tmp_path: Path, saved: Callable[[float], Path], name: str
) -> None:
    put_release(file_store, "scarps", 1, saved(1.0), **{name: {"size": 1, "sha256": "0"}})
    with pytest.raises(ArtifactDamaged, match="not inside its folder"):
        Mirror(file_store, tmp_path / "root").fetch("scarps", 1)


class Gone:
    """A store whose connection is lost."""

    def names(self, prefix: str) -> Any:
        raise SourceUnavailable("connection refused")


def test_without_the_store_the_server_keeps_what_it_has_and_it_is_said_once(
    file_store: Store, tmp_path: Path, saved: Callable[[float], Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    put_release(file_store, "scarps", 1, saved(1.0))
    release(file_store, "scarps", 1)
    sync = Sync(file_store, tmp_path / "root", tmp_path / "models.config", "http://127.0.0.1:1")
    sync.round()  # the server is away: the file waits for it, labels and all
    before = (tmp_path / "models.config").read_text()
    assert 'key: "canary"' in before
    refs, sync._refs = sync._refs, Refs(Gone())  # type: ignore[arg-type]
    for _ in range(3):
        sync.round()
    assert (tmp_path / "models.config").read_text() == before
    assert (tmp_path / "root" / "scarps" / "1").is_dir()
    assert sum("cannot be read" in record.message for record in caplog.records) == 1
    sync._refs = refs
    sync.round()
    assert any(record.message.startswith("over: ") for record in caplog.records)


def test_the_command_syncs_and_ends_on_sigterm(
    file_store: Store, tmp_path: Path, saved: Callable[[float], Path]
) -> None:
    put_release(file_store, "scarps", 1, saved(1.0))
    release(file_store, "scarps", 1)
    config = tmp_path / "models.config"
    command = [sys.executable, "-m", "serving.sync", "--root", tmp_path / "root", "--config", config]
    process = subprocess.Popen([*command, "--rest", "127.0.0.1:1"], cwd=Path(__file__).resolve().parents[2])
    try:
        for _ in range(100):
            if config.exists():
                break
            time.sleep(0.1)
        assert (tmp_path / "root" / "scarps" / "1" / "saved_model.pb").is_file()
    finally:
        process.terminate()
        assert process.wait(10) == 0

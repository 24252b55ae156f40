"""Killed at any moment, a task leaves nothing half made and loses nothing; two attempts at once make one artifact."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.contract.artifact import Manifest
from tasks.contract.refs import Refs
from tasks.store import Store

SCRIPT = Path(__file__).parent / "toytasks" / "killed.py"
NEVER = 10_000


def attempt(moment: int) -> subprocess.CompletedProcess[str]:
    """One attempt in a process of its own."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(moment)], capture_output=True, text=True, timeout=120, check=False
    )


def manifests(store: Store) -> list[Manifest]:
    """All finished artifacts, every file of each checked against its manifest."""
    found = []
    for key in [k for k in store.names("artifacts/") if k.endswith("manifest.json")]:
        data = store.get_tagged(key)
        assert data is not None
        manifest = Manifest.from_json(data[0], key)
        for file in manifest.files.values():
            content = store.get_tagged(f"{manifest.item.folder}/{file.path}")
            assert content is not None
            assert len(content[0]) == file.size
            assert hashlib.sha256(content[0]).hexdigest() == file.sha256
        found.append(manifest)
    return found


def test_killed_at_every_step_leaves_nothing_half_made_and_the_retry_completes(s3_store: Store) -> None:
    moment = 0
    while True:
        for key in list(s3_store.names("")):
            s3_store.delete(key)
        ended = attempt(moment)
        if ended.returncode == 0:
            break
        assert ended.returncode == -9, ended.stderr
        found, ref = manifests(s3_store), Refs(s3_store).read("runs/test/run/toys")
        assert ref is None or ref[0].items["toys"] == found[0].item
        assert attempt(NEVER).returncode == 0
        (finished,) = manifests(s3_store)
        assert not found or found == [finished], "a finished artifact is adopted, not made again"
        assert Refs(s3_store).need("runs/test/run/toys").items["toys"] == finished.item
        moment += 1
    assert moment >= 10, "three files in two halves, a manifest and a ref, before and after"


def test_two_attempts_at_once_make_one_artifact_and_both_succeed(s3_store: Store) -> None:
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(attempt, [NEVER, NEVER]))
    assert [e.returncode for e in ended] == [0, 0], [e.stderr for e in ended]
    (one,) = manifests(s3_store)
    left = [k for k in s3_store.names(one.item.folder) if not k.endswith("manifest.json")]
    assert len(left) == len(one.files), "the loser takes its files away"


@pytest.mark.parametrize("attempts", [3])
def test_the_same_task_again_uploads_nothing(s3_store: Store, attempts: int) -> None:
    writes = [int(attempt(NEVER).stdout.split()[-1]) for _ in range(attempts)]
    assert writes[1:] == [0] * (attempts - 1)

"""push_model, verify_model and promote, with the sync and the model server as they run in the stack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving import releases
from serving.client import RestClient
from tasks.contract.config import Config
from tasks.contract.errors import ArtifactMissing, BadData, Refused
from tasks.contract.refs import Refs
from tasks.contract.spec import load_spec
from tasks.runner import run_task
from tasks.store import Store

MODEL = {"models/chain": 'title = "Chain"\ntarget = "scarps"\nregions = []\nrecipe = "default"\n'}


@pytest.fixture
def synced(server: Any, file_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[RestClient]:
    """A sync from the store to the session's server; the environment that leads tasks to it."""
    monkeypatch.setenv("PIPELINE_SERVING_REST", server.rest)
    monkeypatch.setenv("PIPELINE_SERVING_GRPC", server.grpc)
    where = ["--root", server.root, "--config", server.config, "--interval", "0.2"]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([sys.executable, "-m", "serving.sync", *where], cwd=root)
    yield RestClient()
    process.terminate()
    assert process.wait(10) == 0
    server.config.unlink(missing_ok=True)
    server.reload()


@pytest.fixture
def chain(
    file_store: Store,
    make_artifact: Callable[..., str],
    config_folder: Callable[..., Config],
    saved: Callable[[float], Path],
) -> Callable[..., None]:
    """Runs one of the three tasks on the model of a factor: chain("push_model", 1.0)."""
    config = config_folder(**MODEL)
    array = BytesIO()
    shard = np.random.default_rng(1).normal(size=(40, 64, 64, 3)).astype(np.float32)
    shard[3, 10:20, 10:20] = np.nan
    np.save(array, shard)
    tiles = make_artifact("stack-tiles", {"tiles.npy": array.getvalue()}, {"region": "here"})

    @cache
    def model_ref(factor: float) -> tuple[str, str]:
        folder = saved(factor)
        files = {f"saved_model/{p.relative_to(folder)}": p for p in folder.rglob("*") if p.is_file()}
        model = make_artifact("model", files, {"bands": ["a", "b", "c"]})
        subject = Refs(file_store).document(model).items["model"].digest
        verdict = {"verdict": {"passed": True, "reasons": []}, "subject": subject, "model": "chain"}
        return model, make_artifact("verdict", {"verdict.json": b"{}"}, verdict)

    def run(task: str, factor: float, **given: str) -> None:
        model, verdict = model_ref(factor)
        parity = "runs/test/run/parity"
        takes = {
            "push_model": {"model": [model], "verdict": [verdict]},
            "verify_model": {"model": [model], "tiles": [tiles]},
            "promote": {} if given else {"parity": [parity]},
        }[task]
        makes = {"parity": parity} if task == "verify_model" else {}
        run_task(load_spec(task), takes, makes, {"model": "chain", **given}, file_store, config)

    return run


def test_a_release_from_push_to_rollback(
    chain: Callable[..., None], synced: RestClient, file_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for version, factor in {1: 1.0, 2: -2.0, 3: 0.5}.items():
        chain("push_model", factor)
        assert synced.label("chain", "canary") == version
        assert synced.label("chain", "stable") == (version - 1 or None)
        chain("verify_model", factor)
        chain("promote", factor)
        assert synced.label("chain", "stable") == version

    before = Refs(file_store).read("models/chain")
    caplog.clear()
    for task in ("push_model", "verify_model", "promote"):
        chain(task, 0.5)
    assert Refs(file_store).read("models/chain") == before
    assert sum("up to date" in record.message for record in caplog.records) == 3

    chain("promote", 0.5, version="1")
    assert synced.label("chain", "stable") == 1
    found = releases.read(Refs(file_store), "chain")
    assert {r.version: r.state for r in found.releases} == {1: "stable", 2: "retired", 3: "available"}


def test_a_parity_of_another_model_promotes_nothing(
    chain: Callable[..., None], synced: RestClient, file_store: Store
) -> None:
    chain("push_model", 1.0)
    chain("verify_model", 1.0)
    chain("promote", 1.0)
    chain("push_model", -2.0)
    chain("verify_model", 0.5)  # the parity of another model
    with pytest.raises(Refused, match="run verify_model again"):
        chain("promote", -2.0)
    assert synced.label("chain", "canary") == 2


def test_a_parity_that_disagrees_withdraws_the_canary(
    chain: Callable[..., None], synced: RestClient, file_store: Store, make_artifact: Callable[..., str]
) -> None:
    chain("push_model", 1.0)
    subject = releases.read(Refs(file_store), "chain").release(1).model.digest
    properties = {"agrees": False, "reasons": ["differs"], "model": "chain", "version": 1, "subject": subject}
    make_artifact("parity", {"parity.json": b"{}"}, properties, ref="runs/test/run/parity")
    with pytest.raises(BadData, match="version 1 is withdrawn: differs"):
        chain("promote", 1.0)
    assert releases.read(Refs(file_store), "chain").labels == {}
    with pytest.raises(Refused, match="was withdrawn"):
        chain("push_model", 1.0)
    with pytest.raises(ArtifactMissing, match="no release 7"):
        chain("promote", 1.0, version="7")
    with pytest.raises(Refused, match="never promoted"):
        chain("promote", 1.0, version="1")


def test_a_model_the_server_cannot_load_is_withdrawn(
    synced: RestClient,
    file_store: Store,
    make_artifact: Callable[..., str],
    config_folder: Callable[..., Config],
) -> None:
    model = make_artifact("model", {"saved_model/saved_model.pb": b"not a model"}, {})
    subject = Refs(file_store).document(model).items["model"].digest
    verdict = make_artifact(
        "verdict",
        {"v": b""},
        {"verdict": {"passed": True, "reasons": []}, "subject": subject, "model": "chain"},
    )
    takes = {"model": [model], "verdict": [verdict]}
    with pytest.raises(BadData, match="cannot load chain version 1"):
        run_task(load_spec("push_model"), takes, {}, {"model": "chain"}, file_store, config_folder(**MODEL))
    assert releases.read(Refs(file_store), "chain").release(1).state == "pushed", "a retry may load it"

"""The copy that servers mirror: never mixed, never half, and picked up again after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.contract.errors import ArtifactMissing
from tasks.contract.refs import Refs
from tasks.job import Artifact
from tasks.push_model.bundle import put_bundle
from tasks.runner import load_manifest
from tasks.store import Store

FILES = {
    "saved_model/saved_model.pb": b"graph",
    "saved_model/variables/variables.index": b"index",
    "history.csv": b"",
}


@pytest.fixture
def model(file_store: Store, make_artifact: Callable[..., str], tmp_path: Path) -> Callable[..., Artifact]:
    def get(files: dict[str, bytes]) -> Artifact:
        item = Refs(file_store).document(make_artifact("model", files)).items["model"]
        return Artifact(file_store, load_manifest(file_store, item), tmp_path / "cache")

    return get


def test_the_release_names_the_saved_model_and_nothing_else(
    file_store: Store, model: Callable[..., Artifact]
) -> None:
    one = model(FILES)
    assert put_bundle(file_store, "scarps", one, 1) == 1
    document = json.loads(file_store.get_tagged("serving/scarps/1/release.json")[0])
    assert set(document["files"]) == {"saved_model.pb", "variables/variables.index"}
    assert document["artifact"]["digest"] == one.digest
    assert (document["model"], document["version"]) == ("scarps", 1)


def test_a_killed_push_goes_on_with_its_version_and_another_model_takes_the_next(
    file_store: Store, model: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, other = model(FILES), model({"saved_model/saved_model.pb": b"other"})
    upload = file_store.upload

    def dies(path: Path, key: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(file_store, "upload", dies)
    with pytest.raises(KeyboardInterrupt):
        put_bundle(file_store, "scarps", killed, 1)
    assert file_store.get_tagged("serving/scarps/1/release.json") is None
    monkeypatch.setattr(file_store, "upload", upload)
    assert put_bundle(file_store, "scarps", other, 1) == 2
    assert put_bundle(file_store, "scarps", killed, 1) == 1
    assert file_store.get_tagged("serving/scarps/1/saved_model.pb")[0] == b"graph"
    assert file_store.get_tagged("serving/scarps/2/saved_model.pb")[0] == b"other"


def test_a_model_without_a_saved_model_is_refused(file_store: Store, model: Callable[..., Artifact]) -> None:
    with pytest.raises(ArtifactMissing, match=r"saved_model\.pb"):
        put_bundle(file_store, "scarps", model({"history.csv": b""}), 1)

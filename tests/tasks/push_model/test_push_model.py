"""Pushing without an approval, or without a server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tasks.push_model.recipe as recipe
from serving.client import RestClient
from tasks.contract.config import Config
from tasks.contract.errors import InvalidConfig, Refused, Temporary
from tasks.contract.refs import Refs
from tasks.contract.spec import load_spec
from tasks.runner import run_task
from tasks.store import Store

MODEL = {"models/scarps": 'title = "Scarps"\n'}


@pytest.fixture
def push(
    file_store: Store, make_artifact: Callable[..., str], config_folder: Callable[..., Config]
) -> Callable[..., None]:
    def go(passed: bool = True, subject: str = "", name: str = "scarps", judged_as: str = "scarps") -> None:
        model = make_artifact("model", {"saved_model/saved_model.pb": b"graph"})
        subject = subject or Refs(file_store).document(model).items["model"].digest
        verdict = {"passed": passed, "reasons": ["too low"]}
        properties = {"verdict": verdict, "subject": subject, "model": judged_as}
        takes = {"model": [model], "verdict": [make_artifact("verdict", {"v": b""}, properties)]}
        run_task(load_spec("push_model"), takes, {}, {"model": name}, file_store, config_folder(**MODEL))

    return go


def test_a_refused_model_or_a_verdict_on_another_is_not_pushed(
    push: Callable[..., None], file_store: Store
) -> None:
    with pytest.raises(Refused, match="too low"):
        push(passed=False)
    with pytest.raises(Refused, match="has no report of its own"):
        push(subject="sha256:other")
    with pytest.raises(InvalidConfig, match="not known"):
        push(name="unheard")
    with pytest.raises(Refused, match="by the gate of landslides"):
        push(judged_as="landslides")
    assert list(file_store.names("serving/")) == []


def test_without_a_server_it_is_temporary_and_the_retry_makes_no_second_release(
    push: Callable[..., None], file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(RestClient):
        def wait_until_served(
            self, model: str, version: int, label: str | None = None, timeout_s: float = 0
        ) -> None:
            super().wait_until_served(model, version, label, timeout_s=0)

    monkeypatch.setenv("PIPELINE_SERVING_REST", "http://127.0.0.1:1")
    monkeypatch.setattr(recipe, "RestClient", Impatient)
    for _ in range(2):
        with pytest.raises(Temporary, match=r"check that the model server and serving\.sync run"):
            push()
    record = Refs(file_store).document("models/scarps").record
    assert [(r["version"], r["state"]) for r in record["releases"]] == [(1, "pushed")]

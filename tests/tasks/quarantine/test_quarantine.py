"""Quarantine: what failed is named and kept, what was accepted stays, what passes again is let go."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tasks.contract.config import Config
from tasks.contract.errors import NothingToDo, WrongWiring
from tasks.contract.refs import Refs
from tasks.contract.spec import load_spec
from tasks.runner import run_task
from tasks.store import Store

HERE = "regions/here/quarantine"


@pytest.fixture
def judged(make_artifact: Callable[..., str], file_store: Store) -> Callable[..., list[str]]:
    """judged(kind, content, *reasons) -> refs of an artifact and of its report, failed where there are reasons."""

    def go(kind: str, content: bytes, *reasons: str) -> list[str]:
        ref = make_artifact(kind, {"f": content}, {"region": "here"})
        digest = Refs(file_store).need(ref).items[kind].digest
        verdict = {"passed": not reasons, "reasons": list(reasons)}
        files = {"index.html": content + repr(reasons).encode()}
        return [ref, make_artifact(f"{kind}-report", files, {"subject": digest, "verdict": verdict})]

    return go


@pytest.fixture
def quarantine(file_store: Store) -> Callable[..., None]:
    """quarantine(items, ref, run=...)."""

    def go(items: list[str], ref: str = HERE, **given: str) -> None:
        run_task(load_spec("quarantine"), {"items": items}, {"quarantined": ref}, given, file_store, Config())

    return go


def test_what_failed_is_named_with_its_report_and_what_stays_in_use_is_said(
    judged: Callable[..., list[str]],
    quarantine: Callable[..., None],
    file_store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refs = Refs(file_store)
    good, bad = judged("dem", b"good"), judged("dem", b"bad", "62 % of the cells have a value")
    accepted = refs.need(good[0]).items["dem"]
    refs.point("regions/here/inputs", {"dem": accepted})
    before = refs.read("regions/here/inputs")
    with caplog.at_level(logging.INFO, "tasks"):
        quarantine([*bad, *judged("inventory", b"fine")], run="scheduled__2026-01-02T03:15:00+00:00")
    found = refs.need(HERE)
    assert dict(found.items) == {**refs.need(bad[0]).items, **refs.need(bad[1]).items}
    assert found.record == {
        "dem": {
            "digest": found.items["dem"].digest,
            "key": found.items["dem"].key,
            "reasons": ["62 % of the cells have a value"],
            "created": "2026-01-01T00:00:00+00:00",
            "run": "scheduled__2026-01-02T03:15:00+00:00",
        }
    }
    assert f"dem/{accepted.key} stays in use in regions/here/inputs" in caplog.text
    assert "62 % of the cells" in caplog.text
    assert refs.read("regions/here/inputs") == before


def test_the_same_failure_again_changes_nothing(
    judged: Callable[..., list[str]], quarantine: Callable[..., None], file_store: Store
) -> None:
    bad = judged("dem", b"bad", "too flat")
    quarantine(bad, run="first")
    first = Refs(file_store).read(HERE)
    quarantine(bad, run="second")
    assert Refs(file_store).read(HERE) == first


def test_a_kind_that_passes_again_is_let_go_and_others_stay(
    judged: Callable[..., list[str]], quarantine: Callable[..., None], file_store: Store
) -> None:
    quarantine([*judged("dem", b"bad", "too flat"), *judged("inventory", b"bad", "shrunken")])
    with pytest.raises(NothingToDo, match="1 reports, none failed"):
        quarantine(judged("dem", b"mended"))
    found = Refs(file_store).need(HERE)
    assert set(found.items) == {"inventory", "inventory-report"}
    assert set(found.record) == {"inventory"}


def test_a_newer_failure_takes_the_place_of_the_older(
    judged: Callable[..., list[str]], quarantine: Callable[..., None], file_store: Store
) -> None:
    quarantine(judged("dem", b"bad", "too flat"))
    quarantine(judged("dem", b"worse", "empty"))
    assert Refs(file_store).need(HERE).record["dem"]["reasons"] == ["empty"]


def test_nothing_failed_leaves_no_ref(
    judged: Callable[..., list[str]], quarantine: Callable[..., None], file_store: Store
) -> None:
    for items in ([], ["runs/ingest/r/here/never-made"], judged("dem", b"good")):
        with pytest.raises(NothingToDo):
            quarantine(items)
    assert Refs(file_store).read(HERE) is None


def test_a_data_set_is_held_back_beside_its_own_accepted_one(
    judged: Callable[..., list[str]],
    quarantine: Callable[..., None],
    file_store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = judged("mask-tiles", b"bad", "a split without landslides")
    with caplog.at_level(logging.INFO, "tasks"):
        quarantine(bad, "regions/here/quarantine.scarps")
    assert "no mask-tiles is accepted in regions/here/dataset.scarps" in caplog.text


def test_only_refs_of_regions_are_written(quarantine: Callable[..., None]) -> None:
    with pytest.raises(WrongWiring, match=r"regions only .*, not models/scarps"):
        quarantine([], "models/scarps")

"""Accepting, pinning and announcing: a ref moves as one, a gate cannot be gone round, a lost event heals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tasks.contract.artifact import Item, RefDocument, items_digest
from tasks.contract.config import Config
from tasks.contract.errors import (
    ArtifactMissing,
    InvalidConfig,
    InvalidName,
    NothingToDo,
    Refused,
    WrongWiring,
)
from tasks.contract.refs import Refs
from tasks.contract.spec import load_spec
from tasks.runner import load_manifest, run_task
from tasks.store import Store

REGION = 'crs = "EPSG:32610"\nbounds = [0.0, 0.0, 640.0, 640.0]\ncell_m = 10.0\n'
MODEL = 'title = "m"\ntarget = "t"\nregions = {}\nrecipe = "r"\n'


@pytest.fixture
def config(config_folder: Callable[..., Config]) -> Config:
    """Regions `here` and `there`; model `one` learns from `here`, `both` from both."""
    return config_folder(
        **{
            "regions/here": REGION,
            "regions/there": REGION,
            "models/one": MODEL.format('["here"]'),
            "models/both": MODEL.format('["here", "there"]'),
        }
    )


@pytest.fixture
def step(file_store: Store, config: Config) -> Callable[..., None]:
    """step("pin", {takes}, {makes}, {given})."""

    def go(
        name: str, takes: Mapping[str, list[str]], makes: Mapping[str, str], given: Mapping[str, str]
    ) -> None:
        run_task(load_spec(name), takes, makes, given, file_store, config)

    return go


def judged(
    make_artifact: Callable[..., str], store: Store, kind: str, content: bytes, passed: bool = True
) -> list[str]:
    """An artifact and its report."""
    ref = make_artifact(kind, {"f": content})
    digest = Refs(store).need(ref).items[kind].digest
    verdict = {"passed": passed, "reasons": [] if passed else ["too flat"]}
    return [ref, make_artifact(f"{kind}-report", {"r": content}, {"subject": digest, "verdict": verdict})]


def test_accept_moves_everything_at_once(
    make_artifact: Callable[..., str], file_store: Store, step: Callable[..., None]
) -> None:
    items = judged(make_artifact, file_store, "dem", b"1") + judged(
        make_artifact, file_store, "inventory", b"1"
    )
    step("accept", {"items": items}, {"accepted": "regions/here/inputs"}, {})
    accepted = Refs(file_store).need("regions/here/inputs").items
    assert set(accepted) == {"dem", "dem-report", "inventory", "inventory-report"}


def test_accept_refuses_what_was_not_judged(
    make_artifact: Callable[..., str], file_store: Store, step: Callable[..., None]
) -> None:
    dem, report = judged(make_artifact, file_store, "dem", b"1")
    _, other = judged(make_artifact, file_store, "dem", b"2")
    _, failed = judged(make_artifact, file_store, "dem", b"1", passed=False)
    for items in ([dem], [dem, other], [dem, failed]):
        with pytest.raises(Refused):
            step("accept", {"items": items}, {"accepted": "regions/here/inputs"}, {})
    assert Refs(file_store).read("regions/here/inputs") is None
    step("accept", {"items": [dem, report]}, {"accepted": "regions/here/inputs"}, {})


def test_pin_copies_every_region_of_a_model(
    make_artifact: Callable[..., str], file_store: Store, step: Callable[..., None]
) -> None:
    refs = Refs(file_store)
    for region in ("here", "there"):
        ref = make_artifact("stack-tiles", {"f": region.encode()})
        refs.point(f"regions/{region}/dataset.both", dict(refs.need(ref).items))
    step("pin", {}, {"pinned": "runs/train/r/data"}, {"model": "both"})
    pinned = refs.need("runs/train/r/data").items
    assert set(pinned) == {"here.stack-tiles", "there.stack-tiles"}
    assert all(load_manifest(file_store, item) for item in pinned.values())


def test_pin_refuses_what_it_does_not_know(step: Callable[..., None]) -> None:
    with pytest.raises(InvalidConfig, match="known are here, there"):
        step("pin", {}, {"pinned": "runs/a/b/c"}, {"region": "nowhere"})
    with pytest.raises(InvalidName):
        step("pin", {}, {"pinned": "runs/a/b/c"}, {"region": "../secret"})
    with pytest.raises(ArtifactMissing, match="regions/here/inputs does not exist"):
        step("pin", {}, {"pinned": "runs/a/b/c"}, {"region": "here"})


class World:
    """Refs as the DAGs would leave them, one stage after another."""

    def __init__(self, store: Store, step: Callable[..., None]) -> None:
        self.refs, self.step = Refs(store), step

    def set(self, ref: str, items: dict[str, Item], built_from: list[Item] | None = None) -> list[Item]:
        """Write a ref; its items."""
        self.refs.point(ref, items, {"built_from": items_digest(built_from)} if built_from else {})
        return list(items.values())

    def announces(self, event: str, partition: str) -> bool:
        """Whether the event would be sent."""
        try:
            self.step("announce", {}, {}, {"event": event, "partition": partition})
        except NothingToDo:
            return False
        return True


def item(kind: str, n: int) -> Item:
    """An artifact's name."""
    return Item(kind, f"{n:040x}", f"sha256:{n:064x}")


def test_an_announcement_is_made_until_everything_after_it_is_done(
    file_store: Store, step: Callable[..., None]
) -> None:
    world = World(file_store, step)
    assert not world.announces("inputs", "here"), "nothing accepted yet"
    inputs = world.set("regions/here/inputs", {"dem": item("dem", 1), "dem-report": item("dem-report", 2)})
    for model in ("one", "both"):
        assert world.announces("inputs", "here")
        data = world.set(f"regions/here/dataset.{model}", {"stack-tiles": item("stack-tiles", 3)}, inputs)
    assert not world.announces("dataset", "both"), "the other region's data are not there"
    assert world.announces("dataset", "one")
    assert world.announces("inputs", "here"), "a lost dataset event heals at the next ingest"
    world.set("judged/one", {"verdict": item("verdict", 4)}, data)
    assert not world.announces("inputs", "here"), "judged and refused: not trained again"
    world.refs.update("judged/one", lambda d: RefDocument(d.items, {**d.record, "passed": True}))
    assert world.announces("inputs", "here"), "passed, but the run died before it was accepted"
    model = world.set("candidates/one", {"model": item("model", 5)}, data)
    assert world.announces("candidate", "one")
    assert world.announces("inputs", "here"), "a lost candidate event heals too"
    release = {"version": 1, "state": "stable", "model": {"digest": model[0].digest}}
    world.refs.update("models/one", lambda _: RefDocument({"model": model[0]}, {"releases": [release]}))
    assert not world.announces("candidate", "one")
    assert not world.announces("dataset", "one")
    assert world.announces("model", "one")
    assert world.announces("inputs", "here"), "and so does a lost release event"
    world.set("regions/here/map.one", {"map": item("map", 6)}, model)
    assert not world.announces("model", "one")
    assert not world.announces("inputs", "here")
    world.set("regions/here/inputs", {"dem": item("dem", 9), "dem-report": item("dem-report", 2)})
    assert world.announces("inputs", "here")


def test_a_map_follows_the_ground_too(file_store: Store, step: Callable[..., None]) -> None:
    """Also when the model trained on the new ground is refused, and the old one stays."""
    world = World(file_store, step)
    stack, model = item("stack", 1), item("model", 2)
    world.set("regions/here/dataset.one", {"stack": stack})
    world.set("models/one", {"model": model})
    world.set("regions/here/map.one", {"map": item("map", 3)}, [model, stack])
    assert not world.announces("model", "one")
    world.set("regions/here/dataset.one", {"stack": item("stack", 4)})
    assert world.announces("model", "one")


def test_steps_write_only_refs_of_their_own_kind(
    make_artifact: Callable[..., str], file_store: Store, step: Callable[..., None]
) -> None:
    with pytest.raises(WrongWiring, match="regions and candidates only"):
        step("accept", {"items": [make_artifact("map", {"f": b"1"})]}, {"accepted": "models/one"}, {})
    with pytest.raises(WrongWiring, match="of a run only"):
        step("pin", {}, {"pinned": "models/one"}, {"region": "here"})


def test_a_new_report_of_the_same_data_is_no_news(file_store: Store, step: Callable[..., None]) -> None:
    world = World(file_store, step)
    inputs = world.set("regions/there/inputs", {"dem": item("dem", 1), "dem-report": item("dem-report", 2)})
    world.set("regions/there/dataset.both", {"mask": item("mask", 3)}, inputs)
    world.set("regions/there/inputs", {"dem": item("dem", 1), "dem-report": item("dem-report", 7)})
    assert not world.announces("inputs", "there")

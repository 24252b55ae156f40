"""Inputs that are missing, unfinished, tampered with or of another kind are refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tasks.contract.artifact import Item, Manifest, RefDocument
from tasks.contract.config import Config
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing, Refused, WrongWiring
from tasks.contract.refs import Refs
from tasks.contract.spec import Input, TaskSpec
from tasks.runner import run_task
from tasks.store import Store

OUT = {"toys": "runs/test/run/toys"}


def test_early_cut_off(toy: TaskSpec, file_store: Store, make_artifact: Callable[..., str]) -> None:
    """An input made again with the same content makes no new artifact downstream."""
    first = make_artifact("seed", {"s": b"x"}, {"n": 1})
    made = run_task(toy, {"seed": [first]}, OUT, {"word": "a"}, file_store, Config())
    again = run_task(toy, {"seed": [first]}, OUT, {"word": "a"}, file_store, Config())
    other = run_task(
        toy, {"seed": [make_artifact("seed", {"s": b"y"})]}, OUT, {"word": "a"}, file_store, Config()
    )
    assert made is not None
    assert again is not None
    assert other is not None
    assert (made.key, made.created, made.files) == (again.key, again.created, again.files)
    assert other.key != made.key
    assert other.digest == made.digest, "the content does not depend on the seed"


def test_missing_ref(toy: TaskSpec, file_store: Store) -> None:
    with pytest.raises(ArtifactMissing, match="does not exist"):
        run_task(
            replace(toy, takes={"seed": Input("seed")}),
            {"seed": ["runs/x/y/z"]},
            OUT,
            {"word": "a"},
            file_store,
            Config(),
        )


def test_unfinished_artifact(toy: TaskSpec, file_store: Store) -> None:
    Refs(file_store).point("runs/x/y/z", {"seed": Item("seed", "0" * 40, "sha256:0")})
    with pytest.raises(ArtifactMissing, match="never finished"):
        run_task(toy, {"seed": ["runs/x/y/z"]}, OUT, {"word": "a"}, file_store, Config())


def test_another_kind(toy: TaskSpec, file_store: Store, make_artifact: Callable[..., str]) -> None:
    ref = make_artifact("dem", {"d": b"d"})
    with pytest.raises(ArtifactMissing, match="has no seed; it has dem"):
        run_task(
            replace(toy, takes={"seed": Input("seed")}),
            {"seed": [ref]},
            OUT,
            {"word": "a"},
            file_store,
            Config(),
        )


def test_tampered_manifest(toy: TaskSpec, file_store: Store, make_artifact: Callable[..., str]) -> None:
    ref = make_artifact("seed", {"s": b"x"})
    item = Refs(file_store).need(ref).items["seed"]
    where = f"{item.folder}/manifest.json"
    found = file_store.get_tagged(where)
    assert found is not None
    document = json.loads(found[0]) | {"properties": {"n": 2}}
    file_store.put(where, json.dumps(document).encode())
    with pytest.raises(ArtifactDamaged, match="not what its ref names"):
        run_task(toy, {"seed": [ref]}, OUT, {"word": "a"}, file_store, Config())


def test_tampered_file(file_store: Store, make_artifact: Callable[..., str], tmp_path: object) -> None:
    from pathlib import Path

    from tasks.job import Artifact
    from tasks.runner import load_manifest

    ref = make_artifact("seed", {"s": b"x"})
    item = Refs(file_store).need(ref).items["seed"]
    manifest = load_manifest(file_store, item)
    file_store.put(f"{item.folder}/{manifest.files['s'].path}", b"z")
    with pytest.raises(ArtifactDamaged, match="expected sha256"):
        Artifact(file_store, manifest, Path(str(tmp_path))).file("s")


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"verdict": {"passed": False, "reasons": ["too flat"]}}, "too flat"),
        ({"verdict": {"passed": True}, "subject": "sha256:other"}, "has no report of its own"),
        ({}, "says no"),
    ],
)
def test_a_gate_is_an_input(
    toy: TaskSpec,
    file_store: Store,
    make_artifact: Callable[..., str],
    properties: dict[str, object],
    sentence: str,
) -> None:
    gated = replace(
        toy, takes={"seed": Input("seed"), "report": Input("seed-report")}, gates={"report": "seed"}
    )
    seed, report = make_artifact("seed", {"s": b"x"}), make_artifact("seed-report", {"r": b"r"}, properties)
    with pytest.raises(Refused, match=sentence):
        run_task(gated, {"seed": [seed], "report": [report]}, OUT, {"word": "a"}, file_store, Config())


def test_a_new_report_of_the_same_data_makes_nothing_again(
    toy: TaskSpec, file_store: Store, make_artifact: Callable[..., str]
) -> None:
    """Reports hold times and thresholds: they permit, they do not shape."""
    gated = replace(
        toy, takes={"seed": Input("seed"), "report": Input("seed-report")}, gates={"report": "seed"}
    )
    seed = make_artifact("seed", {"s": b"x"})
    subject = Refs(file_store).need(seed).items["seed"].digest
    made = []
    for text in (b"monday", b"tuesday"):
        report = make_artifact("seed-report", {"r": text}, {"verdict": {"passed": True}, "subject": subject})
        made.append(
            run_task(gated, {"seed": [seed], "report": [report]}, OUT, {"word": "a"}, file_store, Config())
        )
    assert made[0] == made[1]


def test_every_artifact_behind_a_gate_needs_its_report(
    toy: TaskSpec, file_store: Store, make_artifact: Callable[..., str]
) -> None:
    many = replace(
        toy,
        takes={"seed": Input("seed", many=True), "report": Input("seed-report", many=True)},
        gates={"report": "seed"},
    )
    seeds = [make_artifact("seed", {"s": text}) for text in (b"x", b"y")]
    digests = [Refs(file_store).need(seed).items["seed"].digest for seed in seeds]
    reports = [
        make_artifact("seed-report", {"r": b"r"}, {"verdict": {"passed": True}, "subject": digest})
        for digest in digests
    ]
    for given in (reports[:1], reports[1:]):
        with pytest.raises(Refused, match="has no report of its own"):
            run_task(many, {"seed": seeds, "report": given}, OUT, {"word": "a"}, file_store, Config())
    run_task(many, {"seed": seeds, "report": reports}, OUT, {"word": "a"}, file_store, Config())


class AnswerLost:
    """A real store whose first answer to a conditional put is lost, so that the client sends it again."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None) -> str:
        """Put twice, as a retrying client does."""
        tag = self.store.put(key, data, if_absent=if_absent, if_tag=if_tag)
        return self.store.put(key, data, if_absent=True) if if_absent and "artifacts/" in key else tag

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


def test_a_manifest_whose_answer_was_lost_keeps_its_files(toy: TaskSpec, file_store: Store) -> None:
    made = run_task(toy, {}, OUT, {"word": "a"}, AnswerLost(file_store), Config())  # type: ignore[arg-type]
    assert made is not None
    kept = set(file_store.names(made.item.folder))
    assert {f"{made.item.folder}/{file.path}" for file in made.files.values()} <= kept


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../../x", "a//b", "."])
def test_a_manifest_that_names_files_elsewhere_is_damaged(
    file_store: Store, make_artifact: Callable[..., str], name: str
) -> None:
    item = Refs(file_store).need(make_artifact("seed", {"s": b"x"})).items["seed"]
    found = file_store.get_tagged(f"{item.folder}/manifest.json")
    assert found is not None
    document = json.loads(found[0])
    document["files"] = {name: document["files"]["s"]}
    with pytest.raises(ArtifactDamaged, match="would leave its folder"):
        Manifest.from_json(json.dumps(document).encode(), "here")


def test_wrong_wiring_names_what_is_missing(toy: TaskSpec) -> None:
    with pytest.raises(WrongWiring, match=r"missing \['word'\], unknown \['wrod'\]"):
        toy.argv({}, OUT, {"wrod": "a"})


def test_refs_are_compared_before_they_are_swapped(s3_store: Store) -> None:
    refs = Refs(s3_store)
    item = Item("seed", "0" * 40, "sha256:0")

    def add(role: str) -> None:
        refs.update("regions/here/inputs", lambda d: RefDocument({**d.items, role: item}, d.record))

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, [f"r{n}" for n in range(12)]))
    assert len(refs.need("regions/here/inputs").items) == 12

"""Raw products are made once, whoever asks; a report is compared with what was accepted before its subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks import runner
from tasks.contract.artifact import Item, RefDocument
from tasks.contract.refs import Refs
from tasks.contract.spec import TaskSpec
from tasks.job import Artifact, Job, Scratch
from tasks.runner import accepted_before, load_manifest, share_artifact
from tasks.store import Store


@dataclass(frozen=True)
class Params:
    """None."""

    @classmethod
    def of(cls, config: Any) -> Params:
        return cls()


SPEC = TaskSpec(name="toy", image="terrain", makes={"toy": "toy"}, params=Params)


def test_a_raw_product_is_made_once(file_store: Store, tmp_path: Path) -> None:
    made: list[str] = []

    def make(folder: Path, scratch: Scratch) -> dict[str, Any]:
        made.append("x")
        (folder / "raw.bin").write_bytes(b"raw")
        return {"size": 3}

    first = share_artifact(SPEC, "product", {"url": "u"}, make, file_store, tmp_path / "a")
    second = share_artifact(SPEC, "product", {"url": "u"}, make, file_store, tmp_path / "b")
    other = share_artifact(SPEC, "product", {"url": "v"}, make, file_store, tmp_path / "c")
    assert made == ["x", "x"]
    assert first.item == second.item
    assert second.file("raw.bin").read_bytes() == b"raw"
    assert other.key != first.key
    assert other.digest == first.digest


def test_what_a_killed_attempt_left_is_found_by_the_next_and_gone_after_it(
    file_store: Store, tmp_path: Path
) -> None:
    def killed(folder: Path, scratch: Scratch) -> dict[str, Any]:
        part = folder / "part"
        part.write_bytes(b"half")
        scratch.upload(part, "part-0")
        raise KeyboardInterrupt

    def resumed(folder: Path, scratch: Scratch) -> dict[str, Any]:
        assert scratch.names() == ["part-0"]
        scratch.download("part-0", folder / "raw.bin")
        return {}

    with pytest.raises(KeyboardInterrupt):
        share_artifact(SPEC, "product", {"url": "u"}, killed, file_store, tmp_path / "a")
    assert not list(file_store.names("artifacts/")), "nothing partial is visible"
    made = share_artifact(SPEC, "product", {"url": "u"}, resumed, file_store, tmp_path / "b")
    assert made.file("raw.bin").read_bytes() == b"half"
    assert not list(file_store.names("scratch/"))


def test_the_manifest_names_the_raw_products(
    file_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(job: Job) -> dict[str, Any]:
        raw = job.share("product", {"url": "u"}, lambda folder, _: (folder / "r").write_bytes(b"r") and {})
        (job.out / "toy").write_bytes(raw.file("r").read_bytes())
        return {}

    class Recipe:
        pass

    Recipe.run = staticmethod(run)  # type: ignore[attr-defined]
    monkeypatch.setattr(runner.importlib, "import_module", lambda name: Recipe)
    monkeypatch.setattr(runner, "code_digest", lambda spec: "code")
    manifest = runner.make_artifact(SPEC, Params(), {}, file_store, tmp_path)
    (item,) = manifest.inputs["product"]
    assert load_manifest(file_store, Item(**item)).source == {"url": "u"}


def artifact(store: Store, ref: str) -> Artifact:
    (item,) = Refs(store).need(ref).items.values()
    return Artifact(store, load_manifest(store, item), Path("unused"))


def test_a_subject_is_compared_with_what_was_accepted_before_it(
    file_store: Store, tmp_path: Path, make_artifact: Callable[..., str]
) -> None:
    """Judging again what is accepted looks back to the same: the key of its report stays what it was."""
    refs = Refs(file_store)
    old, new = (artifact(file_store, make_artifact("dem", {"d": d})) for d in (b"old", b"new"))

    def before(subject: Artifact) -> list[str]:
        return [
            a.digest for a in accepted_before([subject], ["regions/r/inputs"], refs, file_store, tmp_path)
        ]

    assert before(new) == [], "nothing was accepted yet"
    refs.point("regions/r/inputs", {"dem": old.item})
    assert before(new) == [old.digest]
    assert before(old) == [], "the first accepted has nothing before it"
    report = Item("dem-report", "0" * 40, "")
    written = load_manifest(file_store, artifact(file_store, make_artifact("dem-report", {"r": b"r"})).item)
    from dataclasses import asdict, replace

    judged = replace(written, key="f" * 40, inputs={"baseline": [asdict(old.item)]})
    file_store.put(f"{judged.item.folder}/manifest.json", judged.to_json())
    report = judged.item
    refs.update("regions/r/inputs", lambda _: RefDocument({"dem": new.item, "dem-report": report}))
    assert before(new) == [old.digest]

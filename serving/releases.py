"""Releases of a model: versions, states and labels, as the ref `models/<model>` records them.

Pure functions from record to record; `tasks.contract.refs.Refs.update` swaps them in. States of a release:

pushed      in the store, to be served as `canary`, not promoted yet
stable      what the label `stable` names
available   was stable last; kept loaded, so that rolling back is moving a label
retired     no longer served; its files stay, so that it can be served again
withdrawn   failed its check on the server; never served again
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tasks.contract.artifact import Item, RefDocument, items_digest
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing, Refused
from tasks.contract.names import checked_segment
from tasks.contract.refs import Refs

SERVED = ("pushed", "available", "stable")
RELEASE_FILE = "release.json"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Release:
    """One version of a model. `data` is the digest of what it learned from; `promoted` when it became stable."""

    version: int
    model: Item
    data: str
    state: str
    created: str
    promoted: str = ""


@dataclass(frozen=True)
class Releases:
    """All releases of one model, and the labels that name some of them."""

    releases: tuple[Release, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Record) -> Releases:
        """The releases of a ref's record; an empty record has none."""
        try:
            releases = tuple(
                Release(**{**r, "model": Item(**r["model"])}) for r in record.get("releases", ())
            )
            return cls(releases, dict(record.get("labels", {})))
        except (TypeError, KeyError) as error:
            raise ArtifactDamaged(f"a record of releases cannot be read: {error!r}") from error

    def record(self) -> dict[str, Any]:
        """The record to keep in the ref."""
        return {"releases": [asdict(release) for release in self.releases], "labels": dict(self.labels)}

    def release(self, version: int) -> Release:
        """The release of a version; `ArtifactMissing` names the versions there are."""
        for release in self.releases:
            if release.version == version:
                return release
        known = ", ".join(str(r.version) for r in self.releases) or "none"
        raise ArtifactMissing(f"there is no release {version}; known versions: {known}")

    def of_model(self, digest: str) -> Release | None:
        """The release of a model artifact, by its content digest."""
        return next((release for release in self.releases if release.model.digest == digest), None)

    @property
    def next_version(self) -> int:
        """The number after the largest ever used."""
        return max((release.version for release in self.releases), default=0) + 1

    @property
    def served(self) -> tuple[int, ...]:
        """The versions a server shall hold: those in a served state, and whatever a label names."""
        versions = {r.version for r in self.releases if r.state in SERVED} | set(self.labels.values())
        return tuple(sorted(versions & {r.version for r in self.releases if r.state != "withdrawn"}))

    @property
    def champion(self) -> Release | None:
        """The release that `stable` names; its model is what the ref itself names."""
        return self.release(self.labels["stable"]) if "stable" in self.labels else None

    def _with(self, *changed: Release, labels: Mapping[str, int] | None = None) -> Releases:
        new = {release.version: release for release in (*self.releases, *changed)}
        ordered = tuple(new[version] for version in sorted(new))
        return replace(self, releases=ordered, labels=self.labels if labels is None else labels)


def add(releases: Releases, version: int, model: Item, data: str, created: str) -> Releases:
    """Release a model as `version` and make it the canary.

    The same model again keeps its version, and comes back when it was retired; one that was withdrawn is
    `Refused`. An earlier canary that was never promoted makes way.
    """
    known = releases.of_model(model.digest)
    if known is None:
        known = Release(version, model, data, "pushed", created)
    elif known.state == "withdrawn":
        raise Refused(f"release {known.version} of this model was withdrawn; train another model")
    elif known.state == "retired":
        known = replace(known, state="pushed")
    superseded = [
        replace(r, state="retired")
        for r in releases.releases
        if r.state == "pushed" and r.version != known.version
    ]
    return releases._with(known, *superseded, labels={**releases.labels, "canary": known.version})


def promote(releases: Releases, version: int, when: str) -> Releases:
    """Move `stable` to a version. The one before stays available for a way back, older ones are retired."""
    chosen = releases.release(version)
    if chosen.state == "withdrawn":
        raise Refused(f"release {version} was withdrawn and cannot be promoted")
    if releases.labels.get("stable") == version and chosen.state == "stable":
        return releases
    after = {"stable": "available", "available": "retired"}
    others = [
        replace(r, state=after.get(r.state, r.state)) for r in releases.releases if r.version != version
    ]
    chosen = replace(chosen, state="stable", promoted=when)
    return releases._with(chosen, *others, labels={**releases.labels, "stable": version})


def roll_back(releases: Releases, version: int, when: str) -> Releases:
    """Move `stable` to a version that has been stable before: a release that never was needs its check first."""
    if not releases.release(version).promoted:
        raise Refused(
            f"release {version} was never promoted; run verify_model on it and promote it with its parity"
        )
    return promote(releases, version, when)


def recall(releases: Releases, version: int) -> Releases:
    """Have a retired version loaded again, as a rollback to it needs; served ones stay as they are."""
    chosen = releases.release(version)
    return releases._with(replace(chosen, state="available")) if chosen.state == "retired" else releases


def withdraw(releases: Releases, version: int) -> Releases:
    """Take a version out of service for good; labels that name it are dropped. The champion cannot be withdrawn."""
    if releases.labels.get("stable") == version:
        raise Refused(f"release {version} is stable; promote another one before withdrawing it")
    labels = {label: number for label, number in releases.labels.items() if number != version}
    return releases._with(replace(releases.release(version), state="withdrawn"), labels=labels)


def data_of(inputs: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """One digest for what a model was trained on: the inputs of its manifest, reports left out."""
    return items_digest([Item(**item) for listed in inputs.values() for item in listed])


def release_folder(model: str, version: int) -> str:
    """Where the immutable copy of a release lies in the store; its `release.json` is written last."""
    return f"serving/{checked_segment(model, 'model')}/{version}"


def ref_of(model: str) -> str:
    """The ref that records a model's releases."""
    return f"models/{checked_segment(model, 'model')}"


def read(refs: Refs, model: str) -> Releases:
    """The releases of a model as the ref has them now."""
    return Releases.of(refs.document(ref_of(model)).record)


def update(refs: Refs, model: str, change: Callable[[Releases], Releases]) -> Releases:
    """Change a model's releases by compare-and-swap; writes nothing where nothing changed."""

    def swap(document: RefDocument) -> RefDocument:
        after = change(Releases.of(document.record))
        items = {"model": after.champion.model} if after.champion else {}
        return RefDocument(items, {**document.record, **after.record()})

    return Releases.of(refs.update(ref_of(model), swap).record)

"""Runs one task: resolve its inputs, compute its key, adopt what is there or make it, name it.

The order is the whole point. Files go up under an attempt of their own, the manifest last and only if there is
none, the ref after that: killed anywhere, a task leaves either nothing that counts or something finished.
"""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.contract.artifact import File, Item, Manifest, digest_of, items_digest
from tasks.contract.config import Config
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing, BadData, Conflict, Refused, WrongWiring
from tasks.contract.keys import artifact_key, code_digest, library_versions
from tasks.contract.names import checked_ref
from tasks.contract.refs import Refs
from tasks.contract.spec import Input, TaskSpec
from tasks.job import Artifact, Job, Make, Scratch, sha256_of
from tasks.store import Store

log = logging.getLogger("tasks")

PROVENANCE = "built_from"
"""An input of this name enters no key: its digest is recorded in the ref, for `announce` to compare."""

BASELINE = "baseline"
"""The input of a report's manifest that names what its subject was compared with."""

Takes = Mapping[str, Sequence[str]]


def run_task(
    spec: TaskSpec,
    takes: Takes,
    makes: Mapping[str, str],
    given: Mapping[str, str],
    store: Store,
    config: Config,
) -> Manifest | None:
    """Run a task to its artifact and move its ref; a step moves refs only and returns None."""
    spec.argv(takes, makes, given)
    for ref in (*makes.values(), *(ref for refs in takes.values() for ref in refs)):
        checked_ref(ref)
    params = spec.read_params(config, given)
    refs = Refs(store)
    with work_folder(spec.name) as work:
        inputs = {
            n: resolve(spec.name, n, i, takes.get(n, ()), refs, store, work / "inputs")
            for n, i in spec.takes.items()
            if not i.before
        }
        for name, wanted in spec.takes.items():
            if wanted.before:
                inputs[name] = accepted_before(inputs[wanted.before], takes.get(name, ()), refs, store, work)
        check_gates(spec, inputs)
        if spec.step:
            job = Job(params, inputs, work / "out", work, makes=makes, refs=refs, store=store)
            importlib.import_module(f"tasks.{spec.name}.recipe").run(job)
            return None
        manifest = make_artifact(spec, params, inputs, store, work)
    built_from = [artifact.item for artifact in inputs.get(PROVENANCE, ())]
    record: dict[str, Any] = {PROVENANCE: items_digest(built_from)} if built_from else {}
    if "verdict" in manifest.properties:
        record["passed"] = manifest.properties["verdict"]["passed"]
    for ref in makes.values():
        refs.point(ref, {manifest.kind: manifest.item}, record)
    check_verdict(spec, manifest)
    return manifest


def resolve(
    task: str, name: str, wanted: Input, takes: Sequence[str], refs: Refs, store: Store, cache: Path
) -> list[Artifact]:
    """The finished artifacts that an input's refs name."""
    found = []
    for ref in takes:
        read = refs.read(ref)
        if read is None:
            if wanted.optional:
                continue
            raise ArtifactMissing(
                f"task {task}, input {name}: ref {ref} does not exist; run the task that makes it first"
            )
        items = {role: item for role, item in read[0].items.items() if wanted.accepts(item.kind)}
        if not items and not wanted.optional:
            has = ", ".join(sorted({i.kind for i in read[0].items.values()})) or "nothing"
            raise ArtifactMissing(
                f"task {task}, input {name}: ref {ref} has no {' or '.join(wanted.kinds)}; it has {has}"
            )
        found += [Artifact(store, load_manifest(store, item), cache) for _, item in sorted(items.items())]
    if len(found) > 1 and not wanted.many:
        raise WrongWiring(
            f"task {task}, input {name}: expected one {' or '.join(wanted.kinds)}, "
            f"found {len(found)} in {', '.join(takes)}"
        )
    return found


def accepted_before(
    subjects: Sequence[Artifact], takes: Sequence[str], refs: Refs, store: Store, work: Path
) -> list[Artifact]:
    """What a subject is compared with: the accepted artifact of its kind, or where that is the subject itself, what
    the report on it was compared with; so that judging again what is accepted gives the same report.
    """
    for subject in subjects:
        for ref in takes:
            items = refs.document(ref).items.values()
            accepted = next((item for item in items if item.kind == subject.kind), None)
            if accepted and accepted.digest == subject.digest:
                report = next((item for item in items if item.kind == f"{subject.kind}-report"), None)
                listed = load_manifest(store, report).inputs.get(BASELINE, []) if report else []
                accepted = Item(**listed[0]) if listed else None
            if accepted:
                return [Artifact(store, load_manifest(store, accepted), work / "inputs")]
    return []


def load_manifest(store: Store, item: Item) -> Manifest:
    """The manifest of an artifact, checked against what the ref says of it."""
    where = f"{item.folder}/manifest.json"
    found = store.get_tagged(where)
    if found is None:
        raise ArtifactMissing(f"{where} is not there: the artifact was never finished, or was deleted")
    manifest = Manifest.from_json(found[0], where)
    if (manifest.kind, manifest.key) != (item.kind, item.key) or manifest.digest != item.digest:
        raise ArtifactDamaged(
            f"{where} is not what its ref names: expected {item.digest}, found {manifest.digest}"
        )
    return manifest


def check_gates(spec: TaskSpec, inputs: Mapping[str, list[Artifact]]) -> None:
    """Refuse unless each artifact behind a gate has a report that passed and that judged exactly it."""
    for gate, judged in spec.gates.items():
        for report in inputs[gate]:
            verdict = report.properties.get("verdict", {})
            if not verdict.get("passed"):
                reasons = "; ".join(verdict.get("reasons", [])) or "no reason given"
                raise Refused(f"task {spec.name}: {report.kind} says no: {reasons}")
        subjects = {report.properties.get("subject") for report in inputs[gate]}
        for artifact in inputs[judged]:
            if artifact.digest not in subjects:
                raise Refused(
                    f"task {spec.name}: {artifact.kind}/{artifact.key} has no report of its own: those given judged "
                    f"another {judged}; validate this one"
                )


def check_verdict(spec: TaskSpec, manifest: Manifest) -> None:
    """A report that says no is kept, named, and ends its task."""
    verdict = manifest.properties.get("verdict")
    if verdict and not verdict["passed"]:
        raise spec.refusal(f"{manifest.kind}/{manifest.key}: " + "; ".join(verdict["reasons"]))


def make_artifact(
    spec: TaskSpec, params: Any, inputs: Mapping[str, list[Artifact]], store: Store, work: Path
) -> Manifest:
    """The artifact of these inputs: adopted where it exists, computed where not."""
    (kind,) = spec.makes.values()
    kind = kind.format(**{name: found[0].kind for name, found in inputs.items() if found})
    source = importlib.import_module(f"tasks.{spec.name}.state").state(params) if spec.asks_source else {}
    code, environment = code_digest(spec), library_versions(spec.libraries)
    items = {name: [a.item for a in found] for name, found in inputs.items() if name != PROVENANCE}
    made_of = {
        name: listed for name, listed in items.items() if name not in spec.gates
    }  # a permit shapes nothing
    key = artifact_key(spec, kind, code, params, made_of, source, environment)
    folder = f"artifacts/{kind}/{key}"
    if (found := store.get_tagged(f"{folder}/manifest.json")) is not None:
        log.info("up to date: %s/%s", kind, key)
        return Manifest.from_json(found[0], folder)
    shared: dict[str, list[dict[str, str]]] = {}

    def share(kind: str, made_of: Mapping[str, Any], make: Make) -> Artifact:
        found = share_artifact(spec, kind, made_of, make, store, work)
        shared.setdefault(kind, []).append(asdict(found.item))
        return found

    job = Job(params, inputs, work / "out", work / "tmp", source, sharer=share)
    job.out.mkdir()
    job.work.mkdir()
    properties = importlib.import_module(f"tasks.{spec.name}.recipe").run(job)
    attempt = uuid.uuid4().hex[:12]
    manifest = Manifest(
        kind=kind,
        key=key,
        task=spec.name,
        code=code,
        params=asdict(params),
        inputs={name: [asdict(item) for item in listed] for name, listed in items.items()}
        | {name: sorted(listed, key=lambda item: item["key"]) for name, listed in shared.items()},
        source=source,
        files=described(job.out, attempt),
        properties=properties,
        environment=environment,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return publish(store, manifest, job.out)


def share_artifact(
    spec: TaskSpec, kind: str, made_of: Mapping[str, Any], make: Make, store: Store, work: Path
) -> Artifact:
    """See `Job.share`."""
    key = digest_of({"kind": kind, "made_of": made_of}).removeprefix("sha256:")[:40]
    cache, where = work / "inputs", f"artifacts/{kind}/{key}/manifest.json"
    if (found := store.get_tagged(where)) is not None:
        log.info("already there: %s/%s", kind, key)
        return Artifact(store, Manifest.from_json(found[0], where), cache)
    out, scratch = cache / kind / key, Scratch(store, f"{kind}-{key}")
    out.mkdir(parents=True, exist_ok=True)
    properties = make(out, scratch)
    attempt = uuid.uuid4().hex[:12]
    manifest = Manifest(
        kind=kind,
        key=key,
        task=spec.name,
        code="",
        params={},
        inputs={},
        source=made_of,
        files=described(out, attempt),
        properties=properties,
        environment={},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    manifest = publish(store, manifest, out)
    scratch.clear()
    return Artifact(store, manifest, cache)  # whose files are in the cache already


def described(out: Path, attempt: str) -> dict[str, File]:
    """Every file below a folder, by name."""
    return {
        name: File(f"{attempt}/{name}", path.stat().st_size, sha256_of(path)) for name, path in _files(out)
    }


def publish(store: Store, manifest: Manifest, out: Path) -> Manifest:
    """Upload the files, then the manifest if there is none; where another attempt was faster, adopt its artifact."""
    if not manifest.files:
        raise BadData(f"task {manifest.task} wrote no file: a defect in its recipe")
    folder = manifest.item.folder
    document = manifest.to_json()
    for name, file in manifest.files.items():
        store.upload(out / name, f"{folder}/{file.path}")
    try:
        store.put(f"{folder}/manifest.json", document, if_absent=True)
    except Conflict:
        found = store.get_tagged(f"{folder}/manifest.json")
        if found is None:
            raise
        theirs = Manifest.from_json(found[0], folder)
        if theirs.files == manifest.files:
            return theirs  # our own put had arrived, its answer was lost and it was sent again
        for file in manifest.files.values():
            store.delete(f"{folder}/{file.path}")
        manifest = theirs
        log.info("adopted: %s/%s was made by another attempt", manifest.kind, manifest.key)
        return manifest
    log.info(
        "made: %s/%s, %d files, %.1f MB",
        manifest.kind,
        manifest.key,
        len(manifest.files),
        sum(file.size for file in manifest.files.values()) / 1e6,
    )
    return manifest


@contextmanager
def work_folder(task: str) -> Iterator[Path]:
    """A private folder for one run; folders of runs that were killed are removed on the way."""
    root = Path(
        os.environ.get("PIPELINE_WORK") or Path(tempfile.gettempdir()) / f"pipeline-work-{os.getuid()}"
    )
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in root.glob("*-pid*"):
        pid = left.name.rpartition("-pid")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = root / f"{task}-{uuid.uuid4().hex[:8]}-pid{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> list[tuple[str, Path]]:
    return sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())

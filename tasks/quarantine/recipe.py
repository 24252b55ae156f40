"""Name what failed its checks in a ref of the region, so that it is kept, shown, and used by nobody."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from tasks.contract.artifact import RefDocument
from tasks.contract.errors import NothingToDo, WrongWiring
from tasks.job import Artifact, Job

log = logging.getLogger("tasks")

SUFFIX = "-report"


def run(job: Job) -> None:
    """Record each failed report with its subject; a kind whose report passes is released. 99 where none failed."""
    ref = job.makes["quarantined"]
    if not ref.startswith("regions/"):
        raise WrongWiring(f"quarantine writes refs of regions only (regions/...), not {ref}")
    items = job.many("items")
    reports = [a for a in items if a.kind.endswith(SUFFIX) and "verdict" in a.properties]
    subjects = {a.digest: a for a in items if not a.kind.endswith(SUFFIX)}
    failed = [report for report in reports if not report.properties["verdict"]["passed"]]
    if failed or job.refs.read(ref):
        job.refs.update(ref, lambda before: judged(before, reports, subjects, job.params.run))
    for report in failed:
        log.info("quarantined: %s", told(job, ref, report))
    if not failed:
        raise NothingToDo(f"nothing to quarantine: {len(reports)} reports, none failed")


def judged(
    before: RefDocument, reports: Sequence[Artifact], subjects: dict[str, Artifact], run: str
) -> RefDocument:
    """The ref after these reports. What is held back already keeps its entry, with the run that brought it first."""
    items, record = dict(before.items), dict(before.record)
    for report in reports:
        kind = report.kind.removesuffix(SUFFIX)
        known = items.pop(kind, None), items.pop(report.kind, None)
        entry = record.pop(kind, None)
        if report.properties["verdict"]["passed"]:
            continue
        subject = subjects.get(report.properties["subject"])
        items |= {report.kind: report.item} | ({kind: subject.item} if subject else {})
        same = known == (items.get(kind), report.item)
        record[kind] = entry if entry and same else described(report, subject, run)
    return RefDocument(items, record)


def described(report: Artifact, subject: Artifact | None, run: str) -> dict[str, Any]:
    """What the ref's record says of one artifact that is held back."""
    return {
        "digest": report.properties["subject"],
        "key": subject.key if subject else "",
        "reasons": list(report.properties["verdict"]["reasons"]),
        "created": report.manifest.created,
    } | ({"run": run} if run else {})


def told(job: Job, ref: str, report: Artifact) -> str:
    """One line: what is held back, why, and what stays in use."""
    kind, reasons = report.kind.removesuffix(SUFFIX), "; ".join(report.properties["verdict"]["reasons"])
    folder, _, name = ref.rpartition("/")
    model = name.partition(".")[2]
    source = f"{folder}/dataset.{model}" if model else f"{folder}/inputs"
    accepted = [item for item in job.refs.document(source).items.values() if item.kind == kind]
    if not accepted:
        stays = f"no {kind} is accepted in {source}"
    elif accepted[0].digest == report.properties["subject"]:
        stays = f"it was accepted before it was judged again, and stays in use in {source}"
    else:
        stays = f"{kind}/{accepted[0].key} stays in use in {source}"
    return f"{kind} in {ref}: {stays}; held back for: {reasons}"

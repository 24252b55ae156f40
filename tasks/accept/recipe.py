"""Move an accepted ref to a new set of artifacts."""

from __future__ import annotations

import logging

from tasks.accept.spec import JUDGED
from tasks.contract.artifact import RefDocument, items_digest
from tasks.contract.errors import Refused, WrongWiring
from tasks.job import Artifact, Job

log = logging.getLogger("tasks")


def run(job: Job) -> None:
    """Refuse what has no passed report of its own; else move the ref, recording what the set was built from."""
    if not job.makes["accepted"].startswith(("regions/", "candidates/")):
        raise WrongWiring(f"accept writes refs of regions and candidates only, not {job.makes['accepted']}")
    taken = [*job.many("items"), *job.many("layers")]
    items = {artifact.kind: artifact for artifact in taken}
    if len(items) != len(taken):
        raise WrongWiring("accept takes one artifact of a kind")
    check_reports(items)
    built_from = job.many("built_from")
    record = {"built_from": items_digest([artifact.item for artifact in built_from])} if built_from else {}
    after = RefDocument({kind: artifact.item for kind, artifact in items.items()}, record)
    before = job.refs.document(job.makes["accepted"])
    job.refs.update(job.makes["accepted"], lambda _: after)
    log.info("%s: %s", "up to date" if before == after else "accepted", job.makes["accepted"])


def check_reports(items: dict[str, Artifact]) -> None:
    """Each artifact of a judged kind has a report that passed and that judged it."""
    for kind, artifact in items.items():
        if kind not in JUDGED:
            continue
        report = items.get(JUDGED[kind])
        if report is None or report.properties["subject"] != artifact.digest:
            raise Refused(f"{kind}/{artifact.key} has no {JUDGED[kind]} of its own; validate it first")
        if not report.properties["verdict"]["passed"]:
            raise Refused(f"{kind}/{artifact.key}: " + "; ".join(report.properties["verdict"]["reasons"]))

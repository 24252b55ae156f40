"""Level-triggered: it compares states, so that a lost event heals the next time anybody looks."""

from __future__ import annotations

import logging

from tasks.contract.artifact import Item, RefDocument, items_digest
from tasks.contract.errors import NothingToDo
from tasks.job import Job

log = logging.getLogger("tasks")


def run(job: Job) -> None:
    """Succeed, which sends the event, if any consumer has not dealt with exactly what is accepted; else 99."""
    event = job.params.event
    news: list[Item] = []
    for ref in job.params.accepted:
        items = [i for i in job.refs.document(ref).items.values() if event != "candidate" or i.kind == "model"]
        if not items:
            raise NothingToDo(f"{event}: waiting for {ref}")
        news += items
    if not job.params.consumers:
        raise NothingToDo(f"{event}: nobody uses {', '.join(job.params.accepted)}")
    behind = [ref for ref in job.params.consumers if not dealt_with(job.refs.document(ref), event, news)]
    if not behind:
        raise NothingToDo(f"{event}: {', '.join(job.params.consumers)} dealt with exactly this already")
    log.info("announced %s %s for %s", event, items_digest(news), ", ".join(behind))


def dealt_with(consumer: RefDocument, event: str, news: list[Item]) -> bool:
    """Whether the consumer's ref records that it built from, released or refused exactly these artifacts."""
    if event == "candidate":
        (model,) = news
        releases = consumer.record.get("releases", [])
        ended = {"stable", "retired", "withdrawn"}
        return any(r["model"]["digest"] == model.digest and r["state"] in ended for r in releases)
    return bool(consumer.record.get("built_from") == items_digest(news))

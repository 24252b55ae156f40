"""Tell the next DAG, unless it and all that come after it have dealt with exactly what is accepted now."""

from __future__ import annotations

import logging

from tasks.announce.chain import Chain
from tasks.contract.errors import NothingToDo
from tasks.job import Job

log = logging.getLogger("tasks")


def run(job: Job) -> None:
    """Succeed, which sends the event, when anything further on is behind; else 99."""
    params = job.params
    reason = Chain(job.refs, params.models).behind(params.event, params.partition)
    if reason is None:
        raise NothingToDo(f"up to date: nothing after {params.event} of {params.partition} is behind")
    log.info("announced %s of %s: %s", params.event, params.partition, reason)

"""Copy the model, release it as canary, wait until the server has it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from serving import releases
from serving.client import RestClient
from tasks.contract.errors import Refused
from tasks.job import Job
from tasks.push_model.bundle import put_bundle

log = logging.getLogger("tasks")


def run(job: Job) -> None:
    """The same model again gets no second release: it is the canary of its version again."""
    name, model = job.params.model, job.one("model")
    if (judged_as := job.one("verdict").properties["model"]) != name:
        raise Refused(
            f"the verdict is by the gate of {judged_as}; run gate for {name} before it is released as {name}"
        )
    before = releases.read(job.refs, name)
    known = before.of_model(model.digest)
    version = known.version if known else put_bundle(job.store, name, model, before.next_version)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    data = releases.data_of(model.manifest.inputs)
    after = releases.update(job.refs, name, lambda r: releases.add(r, version, model.item, data, when))
    release = after.of_model(model.digest)
    assert release is not None
    log.info("%s: %s version %d", "up to date" if after == before else "pushed", name, release.version)
    RestClient().wait_until_served(name, release.version, "canary")

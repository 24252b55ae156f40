"""Move the label `stable`, in the ref first; the sync brings it to the server."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from serving import releases
from serving.client import RestClient
from tasks.contract.errors import BadData, Refused
from tasks.job import Artifact, Job

log = logging.getLogger("tasks")


def run(job: Job) -> None:
    """Promote what was verified, or roll back to a given version; ends when the server says so."""
    name, version, parity = job.params.model, job.params.version, job.maybe("parity")
    before = releases.read(job.refs, name)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    if version:
        releases.roll_back(before, version, when)  # refuses before anything is loaded
        releases.update(job.refs, name, lambda r: releases.recall(r, version))
        RestClient().wait_until_served(name, version)
        after = releases.update(job.refs, name, lambda r: releases.roll_back(r, version, when))
    elif parity is not None:
        version = parity.properties["version"]
        check(job, name, before, parity)
        after = releases.update(job.refs, name, lambda r: releases.promote(r, version, when))
    else:
        raise Refused(
            f"promote {name}: there is no parity; run verify_model, or give the version to go back to"
        )
    RestClient().wait_until_served(name, version, "stable")
    log.info("%s: %s version %d is stable", "up to date" if after == before else "promoted", name, version)


def check(job: Job, name: str, now: releases.Releases, parity: Artifact) -> None:
    """Refuse a parity of another model; withdraw a release that the server does not answer as its model does."""
    version = parity.properties["version"]
    if (
        parity.properties["model"] != name
        or parity.properties["subject"] != now.release(version).model.digest
    ):
        raise Refused(f"parity/{parity.key} is not about {name} version {version}; run verify_model again")
    if not parity.properties["agrees"]:
        if now.labels.get("stable") != version:
            releases.update(job.refs, name, lambda r: releases.withdraw(r, version))
        raise BadData(f"{name} version {version} is withdrawn: " + "; ".join(parity.properties["reasons"]))

"""Copy accepted refs into one ref of the run."""

from __future__ import annotations

import logging

from tasks.contract.artifact import Item
from tasks.contract.errors import WrongWiring
from tasks.job import Job

log = logging.getLogger("tasks")


def run(job: Job) -> None:
    """Read each source once and name all its artifacts in the run's ref."""
    if not job.makes["pinned"].startswith("runs/"):
        raise WrongWiring(f"pin writes refs of a run only (runs/...), not {job.makes['pinned']}")
    pinned: dict[str, Item] = {}
    for name, ref in job.params.sources:
        for role, item in job.refs.need(ref).items.items():
            pinned[f"{name}.{role}"] = item
            log.info("pinned %s %s/%s of %s", role, item.kind, item.key, ref)
    job.refs.point(job.makes["pinned"], pinned)

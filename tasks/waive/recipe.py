"""Write who accepts a subject, and why."""

from __future__ import annotations

import json
from typing import Any

from tasks.contract.errors import InvalidParams, NothingToDo
from tasks.job import Job


def run(job: Job) -> dict[str, Any]:
    """Write waiver.json, which holds for exactly this subject; without a reason there is none."""
    subject, params = job.one("subject"), job.params
    if not params.given:
        raise NothingToDo("no reason given: nothing is waived")
    if not params.by:
        raise InvalidParams("waive: a reason is given, but not by whom; name the person who accepts it")
    waiver = {
        "subject": subject.digest,
        "kind": subject.kind,
        "reason": params.reason,
        "by": params.by,
        "region": params.region,
    }
    (job.out / "waiver.json").write_text(json.dumps(waiver, indent=1, ensure_ascii=False), encoding="utf-8")
    return waiver

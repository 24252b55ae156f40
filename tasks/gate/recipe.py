"""Judge an evaluation and write down why."""

from __future__ import annotations

import json
from typing import Any

from tasks.contract.errors import BadData
from tasks.gate.judgement import praise, reasons


def run(job: Any) -> dict[str, Any]:
    """Write verdict.json; the runner refuses (99) where it did not pass."""
    model, evaluation = job.one("model"), job.one("evaluation")
    if evaluation.properties["subject"] != model.digest:
        raise BadData(
            f"evaluation {evaluation.key} is of {evaluation.properties['subject']}, not of model {model.digest}; "
            "run evaluate_model for this model"
        )
    figures = evaluation.properties
    against = (figures["metrics"], figures["baselines"], figures["champion_metrics"], job.params)
    wrong = reasons(*against)
    verdict = {"passed": not wrong, "reasons": wrong or praise(*against)}
    (job.out / "verdict.json").write_text(
        json.dumps({**verdict, "subject": model.digest}, indent=1, sort_keys=True)
    )
    return {
        "verdict": verdict,
        "subject": model.digest,
        "model": job.params.model,
        "evaluation": evaluation.digest,
    }

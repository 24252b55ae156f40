"""Judge an artifact and write the report on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.job import Job
from tasks.validate.expectations import judge
from tasks.validate.survey import SURVEYS

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
NAMES = {
    "dem": "elevation",
    "inventory": "landslide inventory",
    "stack": "terrain stack",
    "mask-tiles": "masks and splits",
}


def run(job: Job) -> dict[str, Any]:
    """Write index.html, its pictures, results.json and the Data Docs below docs/; return the verdict."""
    subject, params = job.one("subject"), job.params
    survey = SURVEYS[subject.kind](subject, params, job.maybe("backdrop"))
    name = f"{params.region}.{subject.kind}"
    outcomes, details = judge(survey.rows, survey.checks, name, job.out / "docs")
    reasons = [outcome.reason for outcome in outcomes if not outcome.passed]
    for file, (figure, _) in survey.pictures.items():
        figure.savefig(job.out / file, metadata={"Software": None})
    page = PAGES.get_template("page.html.j2").render(
        title=params.title,
        region=params.region,
        synthetic=params.synthetic,
        kind=subject.kind,
        subject_name=NAMES[subject.kind],
        docs=next((job.out / "docs" / "validations").rglob("*.html")).relative_to(job.out).as_posix(),
        subject=subject.digest,
        passed=not reasons,
        reasons=reasons,
        outcomes=outcomes,
        pictures=[(file, caption) for file, (_, caption) in survey.pictures.items()],
        facts_title=survey.facts_title,
        facts=survey.facts,
    )
    (job.out / "index.html").write_text(page, encoding="utf-8")
    checks = [outcome.properties() for outcome in outcomes]
    results = {"checks": checks, "rows": survey.rows, "great_expectations": details}
    (job.out / "results.json").write_text(json.dumps(results, indent=1, default=str), encoding="utf-8")
    return {
        "region": params.region,
        "subject": subject.digest,
        "synthetic": params.synthetic,
        "verdict": {"passed": not reasons, "reasons": reasons},
        "checks": checks,
    }

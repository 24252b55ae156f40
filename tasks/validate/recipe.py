"""Judge an artifact and write the report on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.job import Job
from tasks.validate.checks import verdict
from tasks.validate.expectations import judge
from tasks.validate.survey import Subject
from tasks.validate.survey_rasters import survey_dem, survey_layers, survey_stack
from tasks.validate.survey_tables import survey_inventory, survey_mask_tiles, survey_stack_tiles

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
SURVEYS = {
    "dem": ("elevation", survey_dem),
    "inventory": ("landslide inventory", survey_inventory),
    "layers": ("further layers", survey_layers),
    "stack": ("terrain stack", survey_stack),
    "stack-tiles": ("tiles of the terrain stack", survey_stack_tiles),
    "mask-tiles": ("masks and splits", survey_mask_tiles),
}


def run(job: Job) -> dict[str, Any]:
    """Write index.html, its pictures, results.json and the Data Docs below docs/; return the verdict."""
    subject, params, waiver = job.one("subject"), job.params, job.maybe("waiver")
    subject_name, look = SURVEYS[subject.kind]
    baseline = job.maybe("baseline")
    survey = look(Subject(subject, params, job.maybe("backdrop"), baseline))
    name = f"{params.region}.{subject.kind}"
    outcomes, details = judge(survey.rows, survey.checks, name, job.out / "docs")
    found = verdict(outcomes, subject.digest, waiver.properties if waiver else None)
    for file, write in survey.files.items():
        write(job.out / file)
    for file, (figure, _) in survey.pictures.items():
        figure.savefig(job.out / file, metadata={"Software": None})
    page = PAGES.get_template("page.html.j2").render(
        title=params.title,
        region=params.region,
        synthetic=params.synthetic,
        kind=subject.kind,
        subject_name=subject_name,
        docs=next((job.out / "docs" / "validations").rglob("*.html")).relative_to(job.out).as_posix(),
        subject=subject.digest,
        baseline=baseline.digest if baseline else "",
        verdict=found,
        outcomes=sorted(outcomes, key=lambda outcome: ("fail", "warn", "pass").index(outcome.result)),
        pictures=[(file, caption) for file, (_, caption) in survey.pictures.items()],
        tables=survey.tables,
        files=sorted(survey.files),
    )
    (job.out / "index.html").write_text(page, encoding="utf-8")
    checks = [outcome.properties() for outcome in outcomes]
    results = {"checks": checks, "rows": survey.rows, "great_expectations": details}
    (job.out / "results.json").write_text(json.dumps(results, indent=1, default=str), encoding="utf-8")
    properties = {
        "region": params.region,
        "subject": subject.digest,
        "synthetic": params.synthetic,
        "verdict": {"passed": found.passed, "reasons": found.reasons},
        "warnings": found.warnings,
        "checks": checks,
    }
    return properties | ({"waived": dict(found.waived)} if found.waived else {})

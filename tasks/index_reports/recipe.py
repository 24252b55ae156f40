"""Write the index of the reports into the store, beside the artifacts that it links to."""

from __future__ import annotations

import logging
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.contract.errors import Conflict, SourceUnavailable
from tasks.index_reports.survey import Survey
from tasks.job import Job
from tasks.store import Store

log = logging.getLogger("tasks")

ROOT = "reports/"
ATTEMPTS = 5
PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def run(job: Job) -> None:
    """Write the pages that changed and remove those of regions that are gone."""
    for _ in range(ATTEMPTS):
        # What is there is read before the refs: a page that another run writes meanwhile is newer than what we know.
        before = {key: job.store.get_tagged(key) for key in job.store.names(ROOT)}
        pages = render(job)
        try:
            written = write(job.store, pages, before)
        except Conflict:
            continue
        log.info(
            "%s: index of the reports, %d of %d pages",
            "made" if written else "up to date",
            written,
            len(pages),
        )
        return
    raise SourceUnavailable(
        f"{ROOT} was written by others {ATTEMPTS} times while this run wrote it; run it again"
    )


def render(job: Job) -> dict[str, bytes]:
    """All pages, by key."""
    params = job.params
    survey = Survey(job.store, dict(params.models))
    regions = survey.regions(dict(params.regions), params.synthetic, params.keep)
    page = PAGES.get_template("region.html.j2")
    index = PAGES.get_template("index.html.j2").render(regions=regions, up="../")
    texts = {f"{ROOT}index.html": index} | {
        f"{ROOT}regions/{region.name}.html": page.render(region=region, keep=params.keep, up="../../")
        for region in regions
    }
    return {key: text.encode() for key, text in texts.items()}


def write(store: Store, pages: dict[str, bytes], before: dict[str, tuple[bytes, str] | None]) -> int:
    """Put what differs, delete what is no page any more; returns how many were put."""
    written = 0
    for key, content in pages.items():
        found = before.get(key)
        if found is None or found[0] != content:
            store.put(key, content, if_absent=found is None, if_tag=found[1] if found else None)
            written += 1
    for key in set(before) - set(pages):
        store.delete(key)
    return written

"""What the refs and the reports' manifests say of every region, as plain values for the pages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from tasks.contract.artifact import Item, Manifest
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing, InvalidName
from tasks.contract.names import checked_segment
from tasks.contract.refs import Refs
from tasks.runner import load_manifest
from tasks.store import Store

SUFFIX = "-report"
TITLES = {
    "dem": "Elevation",
    "inventory": "Landslide inventory",
    "layers": "Map layers",
    "stack": "Terrain bands",
    "stack-tiles": "Terrain tiles",
    "mask-tiles": "Landslide masks",
}
MAPS = ("terrain.png", "inventory.png", "layers.png", "bands.png", "splits.png")
"""The pictures of reports that show the place, the one to lead with."""
STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)")


@dataclass(frozen=True)
class Report:
    """One report, or why there is none to show (`gone`). Addresses are keys of the store."""

    title: str
    region: str = ""
    gone: str = ""
    passed: bool = False
    good: int = 0
    warned: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    waived: str = ""
    synthetic: bool = False
    page: str = ""
    picture: str = ""
    when: str = ""

    @property
    def checks(self) -> int:
        """The number of checks made."""
        return self.good + self.warned + self.failed

    @property
    def level(self) -> str:
        """`pass`, `warn`, `fail` or, where it cannot be read, `gone`."""
        if self.gone:
            return "gone"
        if not self.passed:
            return "fail"
        return "warn" if self.warned or self.waived else "pass"


@dataclass(frozen=True)
class Accepted:
    """What is in use under one accepted ref: its reports, the titles of what came without one, its contact sheet."""

    title: str
    model: str
    reports: tuple[Report, ...]
    others: tuple[str, ...]
    sheet: str = ""


@dataclass(frozen=True)
class HeldBack:
    """An artifact that failed its checks and is not used."""

    title: str
    model: str
    reasons: tuple[str, ...]
    when: str
    run: str
    report: Report | None
    stays: bool
    """Whether an accepted artifact of its kind is in use meanwhile."""


@dataclass(frozen=True)
class Run:
    """What one run of a DAG found in one region."""

    dag: str
    run: str
    when: str
    reports: tuple[Report, ...]

    @property
    def level(self) -> str:
        """That of its worst report."""
        levels = [report.level for report in self.reports]
        return next((level for level in ("fail", "warn", "pass") if level in levels), "gone")


@dataclass(frozen=True)
class Region:
    """One region, as its page shows it."""

    name: str
    title: str
    synthetic: bool
    inputs: Accepted | None
    datasets: tuple[Accepted, ...]
    held_back: tuple[HeldBack, ...]
    runs: tuple[Run, ...]

    @property
    def reports(self) -> list[Report]:
        """The reports on all that is in use."""
        return [
            report for accepted in (self.inputs, *self.datasets) if accepted for report in accepted.reports
        ]

    @property
    def level(self) -> str:
        """The worst of it: held back is `fail`; nothing accepted is `gone`."""
        if self.held_back:
            return "fail"
        if self.inputs is None:
            return "gone"
        levels = {report.level for report in self.reports}
        return next((level for level in ("fail", "warn") if level in levels), "pass")

    @property
    def picture(self) -> str:
        """The first picture there is of what is in use."""
        return next((report.picture for report in self.reports if report.picture), "")


@dataclass
class Survey:
    """Reads a store. A manifest is read once, however many runs name it."""

    store: Store
    models: Mapping[str, str]
    known: dict[Item, Report] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.refs = Refs(self.store)

    def regions(self, titles: Mapping[str, str], synthetic: tuple[str, ...], keep: int) -> list[Region]:
        """All regions that are configured or have refs, each with its last `keep` runs."""
        refs = defaultdict[str, list[str]](list)
        for ref in self.refs.names("regions/"):
            parts = ref.split("/")
            if len(parts) == 3 and _is_name(parts[1]):
                refs[parts[1]].append(ref)
        names = sorted({*titles, *refs})
        runs = self.runs(names, keep)
        return [
            self._region(name, titles.get(name, name), name in synthetic, refs[name], runs[name])
            for name in names
        ]

    def _region(self, name: str, title: str, synthetic: bool, refs: list[str], runs: list[Run]) -> Region:
        inputs, datasets, held_back = None, list[Accepted](), list[HeldBack]()
        for ref in refs:
            what, _, model = ref.rpartition("/")[2].partition(".")
            if what == "inputs":
                inputs = self._accepted(ref, "Inputs", "")
            elif what == "dataset":
                datasets.append(self._accepted(ref, self.models.get(model, model), model))
            elif what == "quarantine":
                held_back += self._held_back(ref, name, model)
        region = Region(name, title, synthetic, inputs, tuple(datasets), tuple(held_back), tuple(runs))
        return replace(region, synthetic=synthetic or any(report.synthetic for report in region.reports))

    def _accepted(self, ref: str, title: str, model: str) -> Accepted:
        items = self.refs.document(ref).items.values()
        reports = sorted((i for i in items if i.kind.endswith(SUFFIX)), key=lambda i: _order(i.kind))
        judged = {item.kind.removesuffix(SUFFIX) for item in reports}
        others = (i.kind for i in items if not i.kind.endswith(SUFFIX) and i.kind not in judged)
        titles = tuple(sorted(map(_title, others)))
        sheet = next((self._sheet(item) for item in items if item.kind == "augmented-tiles"), "")
        return Accepted(title, model, tuple(map(self.report, reports)), titles, sheet)

    def _sheet(self, item: Item) -> str:
        """Where the contact sheet of augmented tiles is; empty where it is no longer kept."""
        try:
            return _address(load_manifest(self.store, item), "contact.png")
        except (ArtifactMissing, ArtifactDamaged):
            return ""

    def _held_back(self, ref: str, region: str, model: str) -> Iterator[HeldBack]:
        document = self.refs.document(ref)
        accepted = self.refs.document(
            f"regions/{region}/" + (f"dataset.{model}" if model else "inputs")
        ).items
        for kind, entry in sorted(document.record.items()):
            item = document.items.get(f"{kind}{SUFFIX}")
            yield HeldBack(
                title=_title(kind),
                model=self.models.get(model, model),
                reasons=tuple(map(str, entry.get("reasons", ()))),
                when=_when(str(entry.get("created", ""))),
                run=str(entry.get("run", "")),
                report=self.report(item) if item else None,
                stays=any(i.kind == kind for i in accepted.values()),
            )

    def runs(self, regions: list[str], keep: int) -> dict[str, list[Run]]:
        """The last `keep` runs that judged something, by region, newest first."""
        found = {region: list[Run]() for region in regions}
        for dag in ("ingest", "dataset"):
            for run, refs in self._newest_first(dag):
                by_region = defaultdict[str, list[Report]](list)
                for ref in refs:
                    place = ref.split("/")[3]
                    if dag == "ingest" and sum(r.dag == dag for r in found.get(place, ())) >= keep:
                        continue
                    for report in self._judged(ref):
                        by_region[place if dag == "ingest" else report.region].append(report)
                for region, reports in by_region.items():
                    if region in found and sum(r.dag == dag for r in found[region]) < keep:
                        when = _when(run) or max(report.when for report in reports)
                        found[region].append(Run(dag, run, when, tuple(reports)))
        return {
            region: sorted(runs, key=lambda r: (r.when, r.run), reverse=True)[:keep]
            for region, runs in found.items()
        }

    def _newest_first(self, dag: str) -> list[tuple[str, list[str]]]:
        runs = defaultdict[str, list[str]](list)
        for ref in self.refs.names(f"runs/{dag}/"):
            parts = ref.split("/")
            if len(parts) >= 5 and parts[-1].endswith("report"):
                runs[parts[2]].append(ref)
        return sorted(runs.items(), key=lambda pair: (self._begun(*pair), pair[0]), reverse=True)

    def _begun(self, run: str, refs: list[str]) -> str:
        """When a run began, as its id says; a run whose id does not say, by its reports."""
        return _when(run) or max((report.when for ref in refs for report in self._judged(ref)), default="")

    def _judged(self, ref: str) -> list[Report]:
        items = self.refs.document(ref).items.values()
        return [self.report(item) for item in items if item.kind.endswith(SUFFIX)]

    def report(self, item: Item) -> Report:
        """A report by what a ref says of it."""
        if item not in self.known:
            try:
                self.known[item] = _read(load_manifest(self.store, item))
            except ArtifactMissing:
                self.known[item] = Report(_title(item.kind), gone="The report is no longer kept.")
            except ArtifactDamaged as error:
                self.known[item] = Report(_title(item.kind), gone=f"The report cannot be read: {error}")
        return self.known[item]


def _read(manifest: Manifest) -> Report:
    """A report's manifest, as far as it goes: reports are kept for years, older ones say less."""
    says: Mapping[str, Any] = manifest.properties
    verdict, waived = says.get("verdict", {}), says.get("waived")
    checks = [check for check in says.get("checks", ()) if isinstance(check, dict)]
    missed = [check for check in checks if not check.get("passed")]
    warned = [check for check in missed if check.get("level") == "warn"]
    pictures = sorted(n for n in manifest.files if n.endswith(".png") and "/" not in n)
    first = next((name for name in (*MAPS, *pictures) if name in pictures), "")
    return Report(
        title=_title(manifest.kind),
        region=str(says.get("region", "")),
        passed=bool(verdict.get("passed")),
        good=len(checks) - len(missed),
        warned=len(warned),
        failed=len(missed) - len(warned),
        reasons=tuple(map(str, verdict.get("reasons", ()))),
        warnings=tuple(
            f"{c.get('title', c.get('name', ''))}: expected {c.get('expected')}, found {c.get('found')}"
            for c in warned
        ),
        waived=f"accepted by {waived.get('by', '?')}: {waived.get('reason', '')}" if waived else "",
        synthetic=bool(says.get("synthetic")),
        page=_address(manifest, "index.html"),
        picture=_address(manifest, first),
        when=_when(manifest.created),
    )


def _address(manifest: Manifest, name: str) -> str:
    file = manifest.files.get(name)
    return quote(f"{manifest.item.folder}/{file.path}") if file else ""


def _order(kind: str) -> tuple[int, str]:
    kind = kind.removesuffix(SUFFIX)
    return (list(TITLES).index(kind) if kind in TITLES else len(TITLES), kind)


def _title(kind: str) -> str:
    kind = kind.removesuffix(SUFFIX)
    return TITLES.get(kind, kind.replace("-", " ").capitalize())


def _when(text: str) -> str:
    """The first date and time in a text, to the minute; empty where there is none. The pipeline's clock is UTC."""
    found = STAMP.search(text)
    return f"{found[1]} {found[2]}" if found else ""


def _is_name(name: str) -> bool:
    try:
        return bool(checked_segment(name))
    except InvalidName:
        return False

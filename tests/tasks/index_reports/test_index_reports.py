"""The index of the reports: it says what the refs say, links to what is there, and shows foreign text as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.refs import Refs
from tasks.contract.spec import load_spec
from tasks.runner import run_task
from tasks.store import Store

REGION = 'title = "{}"\ncrs = "EPSG:32610"\nbounds = [0.0, 0.0, 640.0, 640.0]\ncell_m = 10.0\n'
MODEL = 'title = "Scarps"\ntarget = "t"\nregions = ["here"]\nrecipe = "r"\n'
INDEX = "reports/index.html"
HERE = "reports/regions/here.html"
PIXEL = b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """The words, addresses and elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.pictures += [value or "" for name, value in attrs if name == "src"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def config(config_folder: Callable[..., Config]) -> Config:
    """Regions `here` and `there`; the model `scarps` learns from `here`."""
    return config_folder(
        **{
            "regions/here": REGION.format("Here & <b>now</b>"),
            "regions/there": "synthetic = true\n" + REGION.format("There"),
            "models/scarps": MODEL,
        }
    )


@pytest.fixture
def index(file_store: Store, config: Config) -> Callable[..., Page]:
    """Runs the task and reads one page."""

    def go(key: str = INDEX, **given: str) -> Page:
        run_task(load_spec("index_reports"), {}, {}, given, file_store, config)
        found = file_store.get_tagged(key)
        assert found is not None
        return Page(found[0].decode())

    return go


@pytest.fixture
def report(make_artifact: Callable[..., str], file_store: Store) -> Callable[..., Any]:
    """report(kind, *reasons, **properties) -> the item of a report with one check that passed and one per reason."""

    def go(kind: str, *reasons: str, **properties: Any) -> Any:
        checks = [{"name": "crs", "title": "CRS", "passed": True, "expected": "a", "found": "a"}]
        checks += [{"name": "x", "title": r, "passed": False, "expected": "a", "found": "b"} for r in reasons]
        says = {
            "region": "here",
            "subject": "sha256:0",
            "synthetic": False,
            "verdict": {"passed": not reasons, "reasons": list(reasons)},
            "checks": checks,
        }
        files = {
            "index.html": repr((reasons, properties)).encode(),
            "terrain.png": PIXEL,
            "docs/static/logo.png": PIXEL,
        }
        ref = make_artifact(f"{kind}-report", files, says | properties)
        return Refs(file_store).need(ref).items[f"{kind}-report"]

    return go


def resolved(page: str, address: str) -> str:
    """The key that a relative address on a page leads to."""
    parts: list[str] = []
    for segment in (PurePosixPath(page).parent / address).parts:
        if segment == "..":
            parts.pop()
        else:
            parts.append(segment)
    return "/".join(parts)


def test_an_empty_store_has_pages_that_say_so(index: Callable[..., Page]) -> None:
    page = index()
    assert "Nothing accepted yet." in page.text
    assert page.links == [f"regions/{name}.html" for name in ("here", "here", "there", "there")]
    assert "Nothing accepted yet." in index(HERE).text


def test_every_link_and_picture_leads_to_an_object_of_the_store(
    index: Callable[..., Page], report: Callable[..., Any], file_store: Store
) -> None:
    refs = Refs(file_store)
    refs.point("regions/here/inputs", {"dem-report": report("dem")})
    refs.point("regions/here/dataset.scarps", {"mask-tiles-report": report("mask-tiles")})
    refs.point(
        "runs/ingest/scheduled__2026-01-02T03:15:00+00:00/here/dem-report",
        {"dem-report": report("dem", "flat")},
    )
    for key in (INDEX, HERE):
        page = index(key)
        addresses = page.links + page.pictures
        assert any(address.endswith("/index.html") and "artifacts/" in address for address in page.links) == (
            key == HERE
        )
        assert page.pictures
        assert all(not re.match(r"[a-z]+:|//", address) for address in addresses)
        assert all(file_store.get_tagged(resolved(key, address)) for address in addresses)
        assert not any("docs" in picture for picture in page.pictures)


def test_a_data_set_leads_to_its_contact_sheet(
    index: Callable[..., Page], make_artifact: Callable[..., str], file_store: Store
) -> None:
    twins = Refs(file_store).need(make_artifact("augmented-tiles", {"contact.png": b"png"}))
    Refs(file_store).point("regions/here/dataset.scarps", twins.items)
    (address,) = (link for link in index(HERE).links if link.endswith("contact.png"))
    assert file_store.get_tagged(resolved(HERE, address))[0] == b"png"
    (item,) = twins.items.values()
    file_store.delete(f"{item.folder}/manifest.json")
    assert not any(link.endswith("contact.png") for link in index(HERE).links)


def test_foreign_text_is_shown_as_text(
    index: Callable[..., Page], report: Callable[..., Any], file_store: Store
) -> None:
    attack = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    failed = report("dem", attack, waived={"by": attack, "reason": attack})
    record = {"dem": {"reasons": [attack], "created": "", "run": attack}}
    Refs(file_store).point("regions/here/inputs", {"dem-report": failed})
    Refs(file_store).point("regions/here/quarantine", {"dem-report": failed}, record)
    Refs(file_store).point("runs/ingest/r1/here/dem-report", {"dem-report": failed})
    for key in (INDEX, HERE):
        page = index(key)
        assert "<script>alert(1)</script>" in page.text
        assert "Here & <b>now</b>" in page.text
        assert not {"script", "b"} & page.tags
        assert "x" not in page.pictures


def test_what_is_held_back_is_told_with_its_reason_and_what_stays(
    index: Callable[..., Page],
    report: Callable[..., Any],
    file_store: Store,
    make_artifact: Callable[..., str],
) -> None:
    dem = Refs(file_store).need(make_artifact("dem", {"f": b"1"})).items["dem"]
    record = {"dem": {"reasons": ["62 % of the cells"], "created": "2026-03-04T05:06:07+00:00"}}
    Refs(file_store).point(
        "regions/here/quarantine", {"dem-report": report("dem", "62 % of the cells")}, record
    )
    assert "Nothing of this kind is in use." in index(HERE).text
    Refs(file_store).point("regions/here/inputs", {"dem": dem, "dem-report": report("dem")})
    assert "Held back in 1 of 2 regions: Here & <b>now</b>" in index().text
    text = index(HERE).text
    assert "62 % of the cells" in text
    assert "2026-03-04 05:06" in text
    assert "What was accepted before stays in use." in text


def test_a_warning_is_counted_and_is_no_failure(
    index: Callable[..., Page], report: Callable[..., Any], file_store: Store
) -> None:
    checks = [
        {"name": "a", "title": "CRS", "passed": True, "expected": "", "found": ""},
        {"name": "b", "title": "Drift", "passed": False, "expected": "0.1", "found": "0.3", "level": "warn"},
    ]
    Refs(file_store).point("regions/here/inputs", {"dem-report": report("dem", checks=checks)})
    text = index(HERE).text
    assert "1 of 2 checks passed, 1 warning" in text
    assert "Drift: expected 0.1, found 0.3" in text
    assert "✗ failed" not in text
    assert "In use, with warnings." in text


def test_a_pruned_report_is_told_and_not_linked(
    index: Callable[..., Page], report: Callable[..., Any], file_store: Store
) -> None:
    item = report("dem")
    Refs(file_store).point("regions/here/inputs", {"dem-report": item})
    Refs(file_store).point(
        "runs/ingest/scheduled__2026-01-02T03:15:00+00:00/here/dem-report", {"dem-report": item}
    )
    for key in list(file_store.names(item.folder)):
        file_store.delete(key)
    page = index(HERE)
    assert "The report is no longer kept." in page.text
    assert not [link for link in page.links if "artifacts" in link]


def test_the_last_runs_are_listed_newest_first(
    index: Callable[..., Page], report: Callable[..., Any], file_store: Store
) -> None:
    refs, item = Refs(file_store), report("dem")
    # Ids do not sort by time: "by-hand" comes before "scheduled" in the alphabet.
    ids = [
        "scheduled__2026-01-02T03:15:00+00:00",
        "by-hand__2026-01-04T09:00:00.1",
        "scheduled__2026-01-03T03:15:00+00:00",
    ]
    for run in ids:
        refs.point(f"runs/ingest/{run}/here/dem-report", {"dem-report": item})
    refs.point(
        "runs/dataset/asset__2026-01-05T00:00:00/scarps/report", {"mask-tiles-report": report("mask-tiles")}
    )
    text = index(HERE, keep="3").text
    places = [text.find(day) for day in ("2026-01-05 00:00", "2026-01-04 09:00", "2026-01-03 03:15")]
    assert -1 not in places
    assert places == sorted(places)
    assert "2026-01-02 03:15" not in text


def test_nothing_is_written_where_nothing_changed_and_pages_of_gone_regions_go(
    index: Callable[..., Page], report: Callable[..., Any], file_store: Store, tmp_path: Path
) -> None:
    index()
    file_store.put("reports/regions/gone.html", b"old")
    before = (tmp_path / "store" / INDEX).stat().st_mtime_ns
    index()
    assert (tmp_path / "store" / INDEX).stat().st_mtime_ns == before
    assert file_store.get_tagged("reports/regions/gone.html") is None
    Refs(file_store).point("regions/here/inputs", {"dem-report": report("dem")})
    index()
    assert (tmp_path / "store" / INDEX).stat().st_mtime_ns != before


def test_the_pages_need_nothing_from_elsewhere_and_no_script(index: Callable[..., Page]) -> None:
    page = index()
    assert "script" not in page.tags
    assert "link" not in page.tags


def test_it_writes_to_a_real_object_storage(s3_store: Store, config: Config) -> None:
    for _ in range(2):
        run_task(load_spec("index_reports"), {}, {}, {}, s3_store, config)
    assert sorted(s3_store.names("reports/")) == [INDEX, HERE, "reports/regions/there.html"]


@pytest.mark.parametrize("keep", ["0", "-1", "many", "1.5", "100000"])
def test_a_senseless_number_of_runs_is_refused(config: Config, keep: str) -> None:
    with pytest.raises(InvalidParams, match="keep must be"):
        load_spec("index_reports").read_params(config, {"keep": keep})

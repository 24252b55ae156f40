"""One inventory by web and by object storage, on real servers, equals the local one."""

from __future__ import annotations

import os
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import boto3
import pytest

from tasks.contract.errors import BadData, InvalidParams

TABLE = {"source": "file", "extent": "bounds", "id_field": "OBJECTID"}
TARGETS = {"slides": {"where": "superseded <> 'Y'"}}


class Quiet(SimpleHTTPRequestHandler):
    """Files with Last-Modified; counts the bodies it sent."""

    sent = 0

    def do_GET(self) -> None:
        type(self).sent += 1
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def web(data: Path, serve: Any) -> str:
    """PIPELINE_DATA on the web."""
    return str(serve(partial(Quiet, directory=str(data))))


@pytest.fixture
def ingest(run_task: Any, region: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(path: str, buckets: str = "", **table: Any) -> Any:
        config = region(TARGETS, **{**TABLE, "path": path, **table})
        (config.root / "hosts.toml").write_text(f"hosts = []\nbuckets = [{buckets}]\n")
        monkeypatch.setenv("PIPELINE_CONFIG", str(config.root))
        return run_task("ingest_inventory", {}, {"region": "here"}, config)

    return go


@pytest.mark.parametrize("name", ["slides.gpkg", "slides.parquet"])
def test_a_file_on_the_web_is_the_local_one(
    ingest: Any, data: Path, slides: Any, web: str, name: str
) -> None:
    slides.to_parquet(data / name) if name.endswith("parquet") else slides.to_file(data / name)
    near, far = ingest(name), ingest(f"{web}/{name}")
    assert near.digest == far.digest
    assert far.properties["counts"] == {"slides": 3}


def test_an_unchanged_file_on_the_web_is_polled_and_not_fetched(
    ingest: Any, data: Path, slides: Any, web: str
) -> None:
    slides.to_file(data / "slides.gpkg")
    first, sent = ingest(f"{web}/slides.gpkg"), Quiet.sent
    assert ingest(f"{web}/slides.gpkg").key == first.key
    assert Quiet.sent == sent
    later = (data / "slides.gpkg").stat().st_mtime + 5
    os.utime(data / "slides.gpkg", (later, later))
    touched = ingest(f"{web}/slides.gpkg")
    assert touched.key != first.key
    assert touched.digest == first.digest
    assert Quiet.sent > sent


def test_the_extent_may_lie_elsewhere_than_the_inventory(
    ingest: Any, data: Path, slides: Any, web: str
) -> None:
    slides.to_file(data / "slides.gpkg")
    slides[:1].buffer(1000).to_frame("geometry").to_parquet(data / "mapped.parquet")
    artifact = ingest("slides.gpkg", extent="", extent_path=f"{web}/mapped.parquet")
    assert 0 < artifact.properties["mapped_m2"] < 1280**2


def test_a_shapefile_on_the_web_must_be_zipped(ingest: Any, data: Path, slides: Any, web: str) -> None:
    slides.to_file(data / "slides.shp")
    with pytest.raises(BadData, match=r"slides.shp lacks its .dbf and .shx; supply the shapefile as one zip"):
        ingest(f"{web}/slides.shp")


def test_an_object_in_an_allowed_bucket_is_read_and_no_other(
    ingest: Any, data: Path, slides: Any, s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    slides.to_file(data / "slides.gpkg")
    bucket = s3_server["PIPELINE_BUCKET"]
    boto3.client("s3").upload_file(str(data / "slides.gpkg"), bucket, "survey/slides.gpkg")
    address = f"s3://{bucket}/survey/slides.gpkg"
    assert ingest(address, f'"{bucket}"').digest == ingest("slides.gpkg").digest
    with pytest.raises(InvalidParams, match="bucket"):
        ingest("s3://others/slides.gpkg", f'"{bucket}"')
    with pytest.raises(BadData, match="no object"):
        ingest(f"s3://{bucket}/survey/nothing.gpkg", f'"{bucket}"')

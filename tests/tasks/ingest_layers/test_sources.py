"""Layers by http and s3: an unchanged source costs one poll, a raw file is fetched once for all regions."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
import rasterio

from infra.sample import places, quadrangle
from infra.sample.folder import replacing
from infra.sample.service import Service
from tasks.contract.config import Config
from tasks.contract.errors import NothingToDo, SourceUnavailable
from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.store.raster import Part, write_cog


class Files:
    """A web server over a dictionary, which counts what it is asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.status = 200


@pytest.fixture
def server(serve) -> Files:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            known.asked.append(self.command)
            body = known.files.get(self.path)
            self.send_response(known.status if body is not None else 404)
            if body is not None:
                self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            pass

    known = Files(serve(Handler))
    return known


@pytest.fixture
def rain(server, write_raster) -> dict:
    """The table of a layer on the server."""
    path = write_raster("rain.tif", np.full((60, 60), 700, np.float32), 40.0)
    server.files["/rain.tif"] = path.read_bytes()
    return {"path": f"{server.url}/rain.tif", "type": "continuous", "units": "mm/a"}


def ingest(run_task, config: Config):
    return run_task("ingest_layers", {}, {"region": "here"}, config)


def test_an_unchanged_source_costs_one_poll(run_task, region, server, rain):
    config = region(rain=rain)
    first = ingest(run_task, config)
    server.asked.clear()
    assert ingest(run_task, config).key == first.key
    assert server.asked == ["HEAD"]


def test_the_raw_file_is_kept_and_serves_another_region(run_task, region, server, rain, file_store):
    first = ingest(run_task, region(rain=rain))
    (raw,) = first.manifest.inputs["source-file"]
    assert f"artifacts/source-file/{raw['key']}/manifest.json" in set(
        file_store.names("artifacts/source-file/")
    )
    server.asked.clear()
    moved = ingest(run_task, region((563200.0, 4190080.0, 563840.0, 4190720.0), rain=rain))
    assert moved.key != first.key
    assert "GET" not in server.asked


def test_a_changed_file_makes_other_layers(run_task, region, server, rain, write_raster):
    first = ingest(run_task, region(rain=rain))
    server.files["/rain.tif"] = write_raster("new.tif", np.full((60, 60), 9, np.float32), 40.0).read_bytes()
    second = ingest(run_task, region(rain=rain))
    assert second.key != first.key
    with rasterio.open(second.file("rain.tif")) as raster:
        assert (raster.read(1) == 9).all()


def test_an_s3_object(run_task, region, rain, data, s3_store, s3_server, monkeypatch):
    import boto3

    bucket = s3_server["PIPELINE_BUCKET"]
    boto3.client("s3").upload_file(str(data / "rain.tif"), bucket, "layers/rain.tif")
    config = region(rain={**rain, "path": f"s3://{bucket}/layers/rain.tif"})
    (config.root / "hosts.toml").write_text(f'hosts = []\nbuckets = ["{bucket}"]\n')
    monkeypatch.setenv("PIPELINE_CONFIG", str(config.root))
    made = ingest(run_task, config)
    assert made.properties["layers"]["rain"]["known_share"] == 1
    assert "source-file" in made.manifest.inputs


def test_the_samples_four_layers_reach_a_stack(run_task, make_artifact, config_folder, file_store, tmp_path):
    """The shipped tables and band set, over the real stand-in service."""
    tiny = places.Place("tiny", "Tiny", (566400.0, 4203520.0, 567680.0, 4204800.0), 40, places.SMALL.sizes)
    with replacing(tmp_path / "made") as fresh:
        quadrangle.write(quadrangle.make(tiny, 3), fresh)
    shipped = Config()
    text = (shipped.root / "regions" / "sample.toml").read_text().partition("[layers.soil]")
    with Service(tmp_path / "made") as service:
        threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{service.server_address[1]}"
        tables = (text[1] + text[2]).replace("http://127.0.0.1:8094", url)
        config = config_folder(
            bands=(shipped.root / "bands.toml").read_text(),
            **{"regions/tiny": tiny.toml() + tables, "recipes/layers": 'bands = "layers"'},
        )
        layers = run_task("ingest_layers", {}, {"region": "tiny"}, config)
        service.shutdown()
    for name, about in layers.properties["layers"].items():
        assert about["known_share"] == 1, name
        assert about.get("unknown_values", []) == [], name
    grid = Grid.of(layers.properties)
    heights = np.random.default_rng(0).normal(500, 1, grid.shape).astype(np.float32)
    made = write_cog(tmp_path / "dem.tif", grid, [Part(0, 0, heights)], bands=["elevation"])
    takes = {"layers": "runs/test/run/ingest_layers-layers"}
    takes["dem"] = make_artifact(
        "dem",
        {"dem.tif": tmp_path / "dem.tif"},
        {**made, "region": "tiny", "margin_px": 128, "synthetic": True},
    )
    for kind, report in (("dem", "report"), ("layers", "layers_report")):
        judged = {
            "verdict": {"passed": True},
            "subject": Refs(file_store).need(takes[kind]).items[kind].digest,
        }
        takes[report] = make_artifact(f"{kind}-report", {"index.html": b""}, judged)
    stack = run_task("derive_terrain", takes, {"recipe": "layers"}, config)
    names = stack.properties["bands"]
    with rasterio.open(stack.file("stack.tif")) as raster:
        bands = dict(zip(names, raster.read(masked=True), strict=True))
    assert not any(np.ma.is_masked(cells) for cells in bands.values())
    for layer in ("lithology", "soil"):
        assert (sum(bands[name] for name in names if name.startswith(f"{layer}=")) == 1).all()
    assert 300 < bands["climate"].min() < bands["climate"].max() < 1200
    assert 0 < bands["vegetation"].min() < bands["vegetation"].max() < 1
    assert stack.properties["units"]["climate"] == "mm/a"


def test_a_source_that_is_down_is_temporary(run_task, region, server, rain, monkeypatch):
    config = region(rain=rain)
    server.files.clear()
    server.status = 503
    server.files["/rain.tif"] = b"busy"
    monkeypatch.setenv("PIPELINE_BACKOFF_S", "0.01")
    with pytest.raises(SourceUnavailable, match=r"rain\.tif"):
        ingest(run_task, config)


def test_no_layers_asks_nobody(run_task, region, server):
    with pytest.raises(NothingToDo):
        ingest(run_task, region())
    assert server.asked == []

"""Fixtures for all tests. A folder of tests runs in the environment of what it tests, and only there."""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
for entry in (ROOT, ROOT / "plugins"):
    if str(entry) not in sys.path:
        sys.path.insert(0, str(entry))

from infra.local.homes import belongs  # noqa: E402
from tasks import runner  # noqa: E402
from tasks.contract import config  # noqa: E402
from tasks.contract.artifact import Manifest  # noqa: E402
from tasks.contract.config import Config  # noqa: E402
from tasks.job import Artifact  # noqa: E402
from tasks.store import Store, open_store  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
ENVIRONMENT = Path(sys.prefix).name


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave a folder to the environment it belongs to."""
    folder = collection_path if collection_path.is_dir() else collection_path.parent
    return None if belongs(folder, ENVIRONMENT) else True


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in services of the tests are on this machine, and need no long wait when they are busy."""
    monkeypatch.setenv("PIPELINE_PRIVATE_HOSTS", "127.0.0.1")
    monkeypatch.setenv("PIPELINE_BACKOFF_S", "0.005")


@pytest.fixture
def file_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store in a folder."""
    uri = f"file://{tmp_path / 'store'}"
    monkeypatch.setenv("PIPELINE_STORE", uri)
    return open_store(uri)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3 server (SeaweedFS) on loopback; the environment that reaches it."""
    from infra.local import seaweed

    server = seaweed.start(tmp_path_factory.mktemp("s3"))
    yield {**server.environment, "PIPELINE_BUCKET": server.bucket}
    server.stop()


@pytest.fixture
def s3_store(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty prefix in the S3 server's bucket."""
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    uri = f"s3://{s3_server['PIPELINE_BUCKET']}/{secrets.token_hex(6)}"
    monkeypatch.setenv("PIPELINE_STORE", uri)
    return open_store(uri)


@pytest.fixture
def config_folder(tmp_path: Path) -> Callable[..., Config]:
    """Writes a configuration: config_folder(**{"regions/here": "...toml...", "bands": "..."}) -> Config."""

    def write(**texts: str) -> Config:
        root = tmp_path / "config"
        for name, text in texts.items():
            path = root / f"{name}.toml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        config._read.cache_clear()  # the same file may be written twice
        return Config(root)

    return write


@pytest.fixture
def make_artifact(file_store: Store, tmp_path: Path) -> Callable[..., str]:
    """Puts a finished artifact into the store: make_artifact("dem", {"dem.tif": path or bytes}, {...}) -> its ref."""
    from tasks.contract.artifact import File, digest_of
    from tasks.contract.refs import Refs
    from tasks.job import sha256_of

    def put(
        kind: str,
        files: Mapping[str, bytes | Path],
        properties: Mapping[str, Any] | None = None,
        ref: str = "",
    ) -> str:
        out = tmp_path / "made" / secrets.token_hex(6)
        entries = {}
        for name, content in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
            entries[name] = File(f"{out.name}/{name}", path.stat().st_size, sha256_of(path))
        properties = dict(properties or {})
        key = digest_of([kind, {n: f.sha256 for n, f in entries.items()}, properties]).removeprefix(
            "sha256:"
        )[:40]
        manifest = Manifest(
            kind=kind,
            key=key,
            task="test",
            code="",
            params={},
            inputs={},
            source={},
            files=entries,
            properties=properties,
            environment={},
            created="2026-01-01T00:00:00+00:00",
        )
        manifest = runner.publish(file_store, manifest, out)
        ref = ref or f"runs/test/run/{kind}-{key[:8]}"
        Refs(file_store).point(ref, {kind: manifest.item})
        return ref

    return put


@pytest.fixture
def run_task(file_store: Store, tmp_path: Path) -> Callable[..., Artifact]:
    """Runs a task in this process: run_task("tile", {"raster": ref}, {"region": "here"}, config) -> its artifact."""

    def go(
        name: str,
        takes: Mapping[str, str | list[str]],
        given: Mapping[str, str],
        config: Config | None = None,
    ) -> Artifact:
        from tasks.contract.spec import load_spec

        spec = load_spec(name)
        lists = {role: [refs] if isinstance(refs, str) else list(refs) for role, refs in takes.items()}
        makes = {role: f"runs/test/run/{name}-{role}" for role in spec.makes}
        manifest = runner.run_task(spec, lists, makes, given, file_store, config or Config())
        assert manifest is not None
        return Artifact(file_store, manifest, tmp_path / "cache")

    return go


@pytest.fixture
def serve() -> Iterator[Callable[[type[BaseHTTPRequestHandler]], str]]:
    """Starts a web server of a handler on loopback: serve(Handler) -> its address, until the test ends."""
    with ExitStack() as running:

        def start(handler: type[BaseHTTPRequestHandler]) -> str:
            server = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            running.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PIPELINE_DATA."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("PIPELINE_DATA", str(folder))
    return folder


@pytest.fixture
def shared_data() -> Path:
    """The folder of real DEMs and inventories, where it is there."""
    if not SHARED.is_dir():
        pytest.skip(f"the real test data are not at {SHARED}")
    return SHARED


def pytest_configure() -> None:
    """Give Airflow a home of the tests' own before anything imports it."""
    if ENVIRONMENT != "airflow":
        return
    import os
    import tempfile

    home = Path(tempfile.mkdtemp(prefix="airflow-tests-"))
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins"))),
    }

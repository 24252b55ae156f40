from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.sample.folder import replacing
from infra.sample.places import SMALL
from infra.sample.quadrangle import Quadrangle, make, write
from infra.sample.service import Service


@pytest.fixture(scope="session")
def small() -> Quadrangle:
    """The small sample as arrays (about six seconds)."""
    return make(SMALL, seed=7)


@pytest.fixture(scope="session")
def sample_folder(small: Quadrangle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small sample as the service reads it."""
    folder = tmp_path_factory.mktemp("made") / "sample"
    with replacing(folder) as fresh:
        write(small, fresh)
    return folder


def serving(folder: Path) -> Iterator[str]:
    with Service(folder) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{service.server_address[1]}"
        service.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def base_url(sample_folder: Path) -> Iterator[str]:
    """The real service over real HTTP."""
    yield from serving(sample_folder)


@pytest.fixture
def edited(sample_folder: Path, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A copy of the sample that may be changed, and a service over it."""
    import shutil

    folder = tmp_path / "sample"
    shutil.copytree(sample_folder, folder)
    for url in serving(folder):
        yield folder, url

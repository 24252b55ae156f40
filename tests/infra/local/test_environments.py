"""The environments: what is out of date, and what a person is told when an installation cannot work."""

import os
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from infra.local import environments
from infra.local.ports import free_block

LOCKS = sorted((environments.ROOT / "docker").glob("*/requirements.txt"))
SCRIPT = environments.ROOT / "infra" / "local" / "environments.py"


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("PIPELINE_ENVS", str(tmp_path / "envs"))
    return tmp_path / "envs"


def installed(folder: Path, mark: str) -> None:
    (folder / "terrain" / "bin").mkdir(parents=True)
    (folder / "terrain" / "bin" / "python").touch()
    (folder / "terrain" / ".complete").write_text(mark)


def test_an_interrupted_installation_is_not_complete(empty):
    installed(empty, environments.fingerprint("terrain") + "\n")
    assert environments.is_complete("terrain")
    (empty / "terrain" / ".complete").unlink()
    assert not environments.is_complete("terrain")


def test_an_installation_from_another_lock_is_not_complete(empty):
    installed(empty, "0" * 64)
    assert not environments.is_complete("terrain")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_pins_and_hashes_everything_and_names_no_address(lock):
    text = lock.read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) >= 1
    assert all(re.match(r"[\w.\[\]-]+==\S+.*--hash=sha256:[0-9a-f]{64}", line) for line in lines)
    assert "://" not in text


def test_another_python_is_refused_with_what_to_do():
    pretend = f"import sys, runpy; sys.version_info = (3, 12, 1); runpy.run_path({str(SCRIPT)!r})"
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Python 3.11 is needed, this is 3.12" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_a_full_disk_is_refused_before_anything_is_installed(empty, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(environments.shutil, "disk_usage", lambda path: usage(10**12, 10**12, 10**8))
    with pytest.raises(environments.Failure, match=r"0\.1 GB free.*PIPELINE_ENVS"):
        environments.build_all(["tensorflow"])
    assert list(empty.iterdir()) == []


def test_a_failed_download_says_so_and_leaves_nothing_that_looks_complete(empty):
    closed = f"http://127.0.0.1:{free_block(1)}/simple"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": closed,
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }
    done = subprocess.run([sys.executable, SCRIPT, "build", "check"], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Installing uv failed: a download failed; check the network" in done.stderr
    assert not (empty / "tools" / ".complete").exists()


def test_uv_gets_the_index_that_pip_is_configured_for(monkeypatch):
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    assert environments.uv_environment(extra_indexes=True)["UV_DEFAULT_INDEX"] == "https://example.org/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://example.net/simple")
    assert environments.uv_environment(extra_indexes=True)["UV_DEFAULT_INDEX"] == "https://example.net/simple"

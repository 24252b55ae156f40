"""The one entry: exit codes that Airflow understands, sentences that a person does, no heavy import for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.store import Store

ROOT = Path(__file__).resolve().parents[3]
TOYS = Path(__file__).parent / "toytasks"


def enter(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m tasks ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tasks", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_0_and_99_and_65(file_store: Store) -> None:
    pin = enter("pin", "--make", "pinned=runs/a/b/c", "--given", "region=sample")
    assert pin.returncode == 65
    assert "regions/sample/inputs does not exist; run the task that makes it first" in pin.stdout
    announce = enter("announce", "--given", "event=inputs", "--given", "partition=sample")
    assert announce.returncode == 99
    assert "announce: stopped: up to date" in announce.stdout


def test_75_when_the_store_is_away() -> None:
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    ended = enter(
        *("pin", "--make", "pinned=runs/a/b/c", "--given", "region=sample"),
        **away,
        AWS_DEFAULT_REGION="us-east-1",
        PIPELINE_STORE="s3://b/p",
    )
    assert ended.returncode == 75, ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("dig",), "there is no task 'dig'; there are accept, announce"),
        (("pin", "--make", "pinned=runs/a/b/c", "--given", "regio=sample"), "unknown ['regio']"),
        (
            ("pin", "--make", "pinned=runs/a/b/c", "--given", "region=atlantis"),
            "region 'atlantis' is not known",
        ),
        (("pin", "--make", "pinned=../c", "--given", "region=sample"), "ref '../c'"),
    ],
)
def test_wrong_calls_are_bad_input(file_store: Store, words: tuple[str, ...], sentence: str) -> None:
    ended = enter(*words)
    assert ended.returncode == 65, ended.stdout
    assert sentence in ended.stdout


SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import tasks
tasks.__path__.append({str(TOYS)!r})
from tasks.contract.config import Config
from tasks.runner import run_task
from tasks.store import open_store
from tasks.toy.spec import SPEC
run_task(SPEC, {{}}, {{"toys": "runs/a/b/toys"}}, {{"word": "owl"}}, open_store(), Config())
print([m for m in ("tasks.toy.recipe", "numpy", "rasterio", "tensorflow") if m in sys.modules])
"""


def test_up_to_date_imports_no_recipe(file_store: Store) -> None:
    imported = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        ).stdout.split("\n")[-2]
        for _ in range(2)
    ]
    assert imported == ["['tasks.toy.recipe']", "[]"]

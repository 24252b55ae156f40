"""Which environment a folder of tests runs in: that of the task it tests, or the one named here."""

from __future__ import annotations

import importlib
from pathlib import Path

from infra.local.environments import ROOT

TESTS = ROOT / "tests"
HOMES = {
    "serving": "tensorflow",
    "infra": "terrain",
    "layers": "terrain",
    "tasks/contract": "terrain",
    "tasks/store": "terrain",
    "tasks/science": "terrain",
    "tasks/steps": "terrain",
    "tasks/sources": "terrain",
    "dags": "airflow",
    "plugins": "airflow",
    "integration": "airflow",
}


def home_of(folder: Path) -> str | None:
    """The environment of a folder's tests; None for folders above such folders, and outside the tests."""
    if not folder.is_relative_to(TESTS):
        return None
    name = folder.relative_to(TESTS).as_posix()
    for start, environment in HOMES.items():
        if name == start or name.startswith(f"{start}/"):
            return environment
    parts = name.split("/")
    if parts[0] == "tasks" and len(parts) > 1 and parts[1] != "__pycache__":
        return str(importlib.import_module(f"tasks.{parts[1]}.spec").SPEC.image)
    return None


def belongs(folder: Path, environment: str) -> bool:
    """Whether an environment shall collect a folder; Airflow's has no task, nor the libraries of their fixtures."""
    if environment == "airflow" and folder.is_relative_to(TESTS / "tasks"):
        return False
    return home_of(folder) in (None, environment)

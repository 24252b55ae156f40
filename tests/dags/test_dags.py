"""The DAGs load without error, in their agreed shape, and without a heavy import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "tensorflow",
    "keras",
    "rasterio",
    "geopandas",
    "great_expectations",
    "imgaug",
    "numpy",
    "pandas",
    "richdem",
    "docker",
    "kubernetes",
)
LOAD = f"""
import importlib.util, json, sys
for name in ("ingest", "dataset", "train", "release", "predict"):
    spec = importlib.util.spec_from_file_location(name, "{ROOT}/dags/" + name + ".py")
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    spec.loader.exec_module(module)
print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))
"""


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    """All DAGs by id."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))
    assert not bag.import_errors
    return dict(bag.dags)


def test_the_five_dags(dags: dict[str, Any]) -> None:
    assert set(dags) == {"ingest", "dataset", "train", "release", "predict"}
    assert all(dag.doc_md for dag in dags.values())


def test_task_ids_begin_with_what_they_do(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            if (spec := getattr(task, "spec", None)) and task.task_id != "roll_back":
                assert task.task_id.rpartition(".")[2].startswith(spec.name)


def test_a_gate_stands_before_what_it_guards(dags: dict[str, Any]) -> None:
    def before(dag: str, first: str, second: str) -> bool:
        return first in {t.task_id for t in dags[dag].get_task(second).get_flat_relatives(upstream=True)}

    assert before("ingest", "region.validate_dem", "region.accept")
    assert before("ingest", "region.validate_inventory", "region.accept")
    assert before("dataset", "labels.validate", "labels.accept")
    assert before("train", "gate", "accept")
    assert before("release", "verify_model", "promote")


def test_importing_the_dags_loads_nothing_heavy() -> None:
    ended = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout.splitlines()[-1]) == []


def test_each_dag_listens_to_one_asset_and_works_on_its_partition(dags: dict[str, Any]) -> None:
    heard = {"dataset": "inputs", "train": "dataset", "release": "candidate", "predict": "model"}
    for dag, asset in heard.items():
        uri = dags[dag].timetable.asset_condition.uri
        assert uri.rstrip("/") == f"pipeline://{asset}"
        pins = [t for t in dags[dag].tasks if getattr(t, "spec", None) and t.spec.name == "pin"]
        assert any("dag_run.partition_key or params." in str(t.given) for t in pins)


def test_events_go_along_the_chain(dags: dict[str, Any]) -> None:
    outlets = {dag.dag_id: [a.name for t in dag.tasks for a in t.outlets] for dag in dags.values()}
    assert outlets == {
        "ingest": ["pipeline://inputs"],
        "dataset": ["pipeline://dataset", "pipeline://model"],
        "train": ["pipeline://candidate"],
        "release": ["pipeline://model"],
        "predict": [],
    }

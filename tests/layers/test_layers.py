"""Who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.contract.spec import task_names

ROOT = Path(__file__).resolve().parents[2]
NAMES = task_names()


def imports(path: Path, top_level: bool = False) -> set[str]:
    """Modules that a file imports; only those at module level when asked."""
    tree = ast.parse(path.read_text())
    nodes: Iterator[ast.AST] | list[ast.stmt] = tree.body if top_level else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def standard(module: str) -> bool:
    """Whether a module is of the standard library."""
    return module.partition(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("path", sorted((ROOT / "tasks" / "contract").glob("*.py")), ids=lambda p: p.name)
def test_the_contract_is_standard_library_only(path: Path) -> None:
    assert not {m for m in imports(path) if not standard(m) and not m.startswith("tasks.contract")}


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_imports_the_contract_only(name: str) -> None:
    found = {m for m in imports(ROOT / "tasks" / name / "spec.py") if not standard(m)}
    allowed = ("tasks.contract", f"tasks.{name}", "tasks.science.reach", "serving.releases")
    assert not {m for m in found if not m.startswith(allowed)}


@pytest.mark.parametrize("name", NAMES)
def test_tasks_never_import_each_other(name: str) -> None:
    others = tuple(f"tasks.{other}" for other in NAMES if other != name)
    for path in (ROOT / "tasks" / name).rglob("*.py"):
        found = {m for m in imports(path) if any(m == o or m.startswith(f"{o}.") for o in others)}
        assert not found, f"{path} imports {found}"


def test_only_the_store_and_the_sources_speak_s3() -> None:
    """Pure modules take arrays: no boto3 outside the store, and where files come from."""
    found = {
        p
        for p in (ROOT / "tasks").rglob("*.py")
        if any(m.startswith(("boto3", "botocore")) for m in imports(p))
    }
    assert found == {ROOT / "tasks" / "store" / "s3.py", ROOT / "tasks" / "sources" / "files.py"}


def test_the_entry_imports_nothing_heavy() -> None:
    for name in ("__main__.py", "runner.py", "job.py", "store/__init__.py", "store/file.py"):
        assert not {
            m
            for m in imports(ROOT / "tasks" / name, top_level=True)
            if not standard(m) and not m.startswith("tasks")
        }


def test_tasks_do_not_know_airflow_or_the_infrastructure() -> None:
    for folder in ("tasks", "serving"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not {
                m for m in imports(path) if m.startswith(("airflow", "infra", "pipeline_", "dags"))
            }, path

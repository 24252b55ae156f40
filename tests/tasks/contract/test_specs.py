"""Truths about the specs of all tasks."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from tasks.contract.spec import load_spec, task_names

TASKS = Path(__file__).resolve().parents[3] / "tasks"
NAMES = task_names()


def imported(path: Path) -> set[str]:
    """The modules of the project that a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {node.module} | {
                n for n in names if (TASKS.parent / (n.replace(".", "/") + ".py")).exists()
            }
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith(("tasks", "serving", "infra"))}


@pytest.mark.parametrize("name", NAMES)
def test_spec_is_of_its_package(name: str) -> None:
    spec = load_spec(name)
    assert spec.name == name
    assert (TASKS / name / "recipe.py").exists()
    assert (TASKS / name / "state.py").exists() == spec.asks_source
    assert next(iter(inspect.signature(spec.params.of).parameters)) == "config"


@pytest.mark.parametrize("name", NAMES)
def test_uses_names_exactly_the_shared_modules_that_are_imported(name: str) -> None:
    """The code hash covers what shapes the result; contract, store and job do not."""
    spec = load_spec(name)
    if spec.step:
        return
    own, shared, todo = f"tasks.{name}", set(), [*(TASKS / name).rglob("*.py")]
    seen = set()
    while todo:
        path = todo.pop()
        for module in imported(path) - seen:
            seen.add(module)
            if module.startswith(("tasks.science.", "tasks.sources.", "serving.")):
                shared.add(module)
                todo.append(TASKS.parent / (module.replace(".", "/") + ".py"))
    assert not {
        m for m in seen if m.startswith("tasks.") and m.split(".")[1] in NAMES and not m.startswith(own)
    }
    covered = {m for m in shared if any(m == used or m.startswith(f"{used}.") for used in spec.uses)}
    assert covered == shared
    assert all(any(m == used or m.startswith(f"{used}.") for m in shared) for used in spec.uses)

"""The toy task, importable as `tasks.toy`."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks
from tasks.contract.spec import TaskSpec

TOYS = Path(__file__).parent / "toytasks"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> TaskSpec:
    """The toy's spec."""
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(TOYS)])
    from tasks.toy.spec import SPEC

    return SPEC

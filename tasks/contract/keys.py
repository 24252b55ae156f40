"""The key of an artifact: everything that made it, in one hash."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from tasks.contract.artifact import Item, digest_of
from tasks.contract.errors import InvalidConfig
from tasks.contract.spec import TaskSpec


def artifact_key(
    spec: TaskSpec,
    kind: str,
    code: str,
    params: Any,
    inputs: Mapping[str, list[Item]],
    source: Mapping[str, Any],
    environment: Mapping[str, str],
) -> str:
    """40 hexadecimal digits. Inputs count by content digest, so that unchanged content changes no key."""
    made_of = {
        "task": spec.name,
        "kind": kind,
        "code": code,
        "params": asdict(params),
        "inputs": {name: sorted(item.digest for item in items) for name, items in inputs.items()},
        "source": source,
        "environment": environment,
    }
    return digest_of(made_of).removeprefix("sha256:")[:40]


def code_digest(spec: TaskSpec) -> str:
    """Hash of the task's package and the shared modules it uses: syntax trees less docstrings, other files whole."""
    modules = [f"tasks.{spec.name}", *spec.uses]
    digest = hashlib.sha256()
    for path in sorted(path for module in modules for path in _sources(module)):
        content = _without_docstrings(path).encode() if path.suffix == ".py" else path.read_bytes()
        digest.update(path.name.encode() + b"\0" + content + b"\0")
    return "sha256:" + digest.hexdigest()


def library_versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of the installed distributions, by name."""
    try:
        return {name: metadata.version(name) for name in sorted(libraries)}
    except metadata.PackageNotFoundError as error:
        raise InvalidConfig(f"{error.name} is not installed here; run the task in its own image") from error


def _sources(module: str) -> list[Path]:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise InvalidConfig(f"module {module} is named by a spec but cannot be found")
    origin = Path(found.origin)
    if origin.name != "__init__.py":
        return [origin]
    return sorted(p for p in origin.parent.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _without_docstrings(path: Path) -> str:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return ast.dump(tree)

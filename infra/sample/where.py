"""The little of SQL that a filter of the inventory needs: comparisons joined by AND."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
_TERM = re.compile(r"\s*(\w+)\s*(=|<>|<=|>=|<|>)\s*('(?:[^']|'')*'|-?\d+(?:\.\d+)?)\s*")
_AND = re.compile(r"AND\b", re.IGNORECASE)


class BadWhere(ValueError):
    """A filter that is not understood."""


def matching(rows: DataFrame, where: str) -> NDArray[np.bool_]:
    """Which rows a filter keeps: `1=1`, or `field operator literal` once or joined by AND; nulls match nothing."""
    keep = np.ones(len(rows), dtype=bool)
    at = 0
    while True:
        term = _TERM.match(where, at)
        if term is None:
            raise BadWhere(f"'{where}' is not one or more comparisons joined by AND")
        keep &= _term(rows, *term.groups())
        at = term.end()
        if at == len(where):
            return keep
        joined = _AND.match(where, at)
        if joined is None:
            raise BadWhere(f"'{where}' is not one or more comparisons joined by AND")
        at = joined.end()


def _term(rows: DataFrame, name: str, sign: str, literal: str) -> NDArray[np.bool_]:
    value = literal[1:-1].replace("''", "'") if literal.startswith("'") else float(literal)
    if name.isdigit():
        return np.full(
            len(rows), bool(_COMPARE[sign](float(name), value)) if isinstance(value, float) else False
        )
    if name not in rows.columns or name == "geometry":
        raise BadWhere(f"there is no field '{name}'")
    column = rows[name]
    if isinstance(value, str) is (column.dtype.kind in "if"):
        raise BadWhere(f"field '{name}' cannot be compared with {literal}")
    return np.asarray(_COMPARE[sign](column, value) & column.notna(), dtype=bool)

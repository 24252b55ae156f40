"""A check: which column of the summary table lies between which limits, in words a geologist reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]  # one item (a DEM, a target, a band, a split) -> its statistics; `item` is its name
SHARE, METRES, SQUARE_METRES, COUNT = "%", "m", "m²", ""


@dataclass(frozen=True)
class Check:
    """`column` of every row is at least `low`, at most `high`, or one of `among`; or, with `all_of`, each occurs."""

    name: str
    title: str
    column: str
    low: float | None = None
    high: float | None = None
    among: Sequence[Any] = ()
    all_of: Sequence[Any] = ()
    unit: str = COUNT

    @property
    def expected(self) -> str:
        """The limits in words."""
        if self.all_of:
            return "exactly " + ", ".join(str(value) for value in self.all_of)
        if self.among:
            return " or ".join(spelled(value) for value in self.among)
        low, high = (spelled(value, self.unit) for value in (self.low, self.high))
        if self.low is not None and self.high is not None:
            return low if self.low == self.high else f"{low} to {high}"
        return f"at least {low}" if self.low is not None else f"at most {high}"

    def found(self, rows: Iterable[Row]) -> str:
        """What the rows have."""
        rows = list(rows)
        if self.all_of:
            return ", ".join(str(row[self.column]) for row in rows) or "none"
        if len(rows) == 1:
            return spelled(rows[0][self.column], self.unit)
        return ", ".join(f"{row['item']} {spelled(row[self.column], self.unit)}" for row in rows)


@dataclass(frozen=True)
class Outcome:
    """A check and what came of it."""

    check: Check
    passed: bool
    found: str

    @property
    def reason(self) -> str:
        """A sentence for a check that failed."""
        return f"{self.check.title}: expected {self.check.expected}, found {self.found}"

    def properties(self) -> Mapping[str, Any]:
        """For the manifest."""
        return {
            "name": self.check.name,
            "title": self.check.title,
            "passed": self.passed,
            "expected": self.check.expected,
            "found": self.found,
        }


def spelled(value: Any, unit: str = COUNT) -> str:
    """A value for people: shares as per cent, four significant digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value != value:
        return "none"
    if isinstance(value, str):
        return value
    if unit == SHARE:
        return f"{100 * value:.4g} %"
    number = f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"
    return f"{number} {unit}".strip()

"""A check: which column of the summary table lies between which limits, in words a geologist reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]  # one item (a DEM, a target, a band, a split) -> its statistics; `item` is its name
SHARE, METRES, SQUARE_METRES, COUNT, CELLS = "%", "m", "m²", "", "cells"
FAIL, WARN = "fail", "warn"
LISTED = 6  # a table of more rows names only those off the limits


@dataclass(frozen=True)
class Check:
    """`column` of every row is at least `low`, at most `high`, or one of `among`; or, with `all_of`, each occurs.

    A row without a value is not judged. `level` is "fail" or "warn"; a person may accept what is `waivable`, as
    `advice` says.
    """

    name: str
    title: str
    column: str
    low: float | None = None
    high: float | None = None
    among: Sequence[Any] = ()
    all_of: Sequence[Any] = ()
    unit: str = COUNT
    level: str = FAIL
    waivable: bool = False
    advice: str = "accept it in the ingest form, with a reason"

    def holds(self, value: Any) -> bool:
        """Whether one row's value is within the limits."""
        if self.all_of or value is None or value != value:
            return True
        if self.among:
            return value in self.among
        return not (
            (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
        )

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
        one = len(rows) == 1
        judged = [row for row in rows if self.all_of or row[self.column] is not None]
        off = [row for row in judged if not self.holds(row[self.column])]
        rows = (off if off and len(judged) > LISTED else judged) or rows
        if self.all_of:
            return ", ".join(str(row[self.column]) for row in rows) or "none"
        if one:
            return spelled(rows[0][self.column], self.unit)
        values = [spelled(row[self.column], self.unit) for row in rows]
        if len(rows) > LISTED and len(set(values)) == 1:
            return f"{values[0]} in all {len(rows)}"
        return ", ".join(f"{row['item']} {value}" for row, value in zip(rows, values, strict=True))


@dataclass(frozen=True)
class Outcome:
    """A check and what came of it."""

    check: Check
    passed: bool
    found: str

    @property
    def result(self) -> str:
        """`pass`, `warn` or `fail`."""
        return "pass" if self.passed else self.check.level

    @property
    def reason(self) -> str:
        """A sentence for a check that failed."""
        words = f"{self.check.title}: expected {self.check.expected}, found {self.found}"
        if self.check.waivable and self.check.level == FAIL:
            words += f"; if that is as it should be, {self.check.advice}"
        return words

    def properties(self) -> Mapping[str, Any]:
        """For the manifest."""
        return {
            "name": self.check.name,
            "title": self.check.title,
            "passed": self.passed,
            "expected": self.check.expected,
            "found": self.found,
            "level": self.check.level,
            "waivable": self.check.waivable,
        }


@dataclass(frozen=True)
class Verdict:
    """What the outcomes amount to; `waived` says who accepted what failed, and why."""

    passed: bool
    reasons: list[str]
    warnings: list[str]
    waived: Mapping[str, Any]


def verdict(outcomes: Sequence[Outcome], subject: str, waiver: Mapping[str, Any] | None) -> Verdict:
    """No check fails, or all that do may be waived and a person did so for exactly this subject (its digest)."""
    failing = [outcome for outcome in outcomes if outcome.result == FAIL]
    said = {
        outcome.check.column for outcome in failing
    }  # an early warning that came too late says nothing new
    warnings = [o.reason for o in outcomes if o.result == WARN and o.check.column not in said]
    accepted = waiver is not None and waiver.get("subject") == subject
    if not (failing and accepted and all(outcome.check.waivable for outcome in failing)):
        return Verdict(not failing, [outcome.reason for outcome in failing], warnings, {})
    assert waiver is not None
    waived = {
        "by": str(waiver["by"]),
        "reason": str(waiver["reason"]),
        "checks": [o.check.name for o in failing],
    }
    return Verdict(True, [], warnings, waived)


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
    digits = 7 if unit == METRES else 4  # of cell sizes, the last ones tell
    number = f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.{digits}g}"
    return f"{number} {unit}".strip()

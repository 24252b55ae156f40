"""Values of a source as the codes of the classes that are declared; the others are counted and become unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNKNOWN = 0
MOST_LISTED = 20
MOST_COUNTED = 10_000


class Coding:
    """Class values, each with a code from 1, and a count of the values that are of no class."""

    def __init__(self, values: Iterable[Sequence[str]]) -> None:
        self._codes = {value: code for code, of in enumerate(values, 1) for value in of}
        self._others: Counter[str | None] = Counter()

    def codes(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        """The code of each value; NaN and None are unknown, NaN is not counted."""
        codes = np.zeros(values.shape, np.uint16)
        known = ~np.isnan(values)
        found, where, counts = np.unique(values[known], return_inverse=True, return_counts=True)
        of_found = [self.code(plain(value), int(n)) for value, n in zip(found, counts, strict=True)]
        codes[known] = np.array(of_found, np.uint16)[where] if of_found else 0
        return codes

    def code(self, value: str | None, count: int = 1) -> int:
        """The code of one value that is there `count` times."""
        code = self._codes.get(value, UNKNOWN) if value is not None else UNKNOWN
        if not code and (value in self._others or len(self._others) < MOST_COUNTED):
            self._others[value] += count
        return code

    @property
    def others(self) -> list[dict[str, Any]]:
        """Values of no class, the most frequent first, at most twenty."""
        listed = sorted(self._others.items(), key=lambda pair: (-pair[1], str(pair[0])))
        return [{"value": value, "count": count} for value, count in listed[:MOST_LISTED]]


def plain(value: Any) -> str | None:
    """A value as the region's file would write it: 3.0 is 3, a missing one None."""
    if pd.isna(value):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)

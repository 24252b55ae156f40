"""When a landslide moved, as far as the inventory knows: a year, a month or a day."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np

from tasks.ingest_inventory.fields import missing

YEARS = range(1500, 2101)  # outside them a number is no year: 0 and 9999 stand for unknown
ISO = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?:[T ].*)?")
BASIC = re.compile(r"(\d{4})(\d{2})(\d{2})")
EPOCH = dt.datetime(1970, 1, 1)


def iso_date(value: Any) -> str | None:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD` from a date, ISO text (also with slashes), a year, or Esri milliseconds.

    None for what is missing or no date. A month or day of 0 or a blank stands for unknown.
    """
    if missing(value):
        return None
    if isinstance(value, dt.date):  # datetime and pandas' Timestamp are dates too
        return _checked(value.year, value.month, value.day)
    if isinstance(value, np.datetime64):
        return iso_date(value.astype("datetime64[s]").item())
    if isinstance(value, int | float | np.number):
        return _of_number(float(value))
    text = str(value).strip()
    if found := BASIC.fullmatch(text) or ISO.fullmatch(text):
        return _checked(*(int(part or 0) for part in found.groups()))
    return None


def _of_number(number: float) -> str | None:
    if number == int(number) and int(number) in YEARS:
        return f"{int(number)}"
    if number == int(number) and (
        found := BASIC.fullmatch(str(int(number)))
    ):  # as milliseconds: 1 January 1970
        return _checked(*(int(part) for part in found.groups()))
    try:
        moment = EPOCH + dt.timedelta(milliseconds=number)
    except OverflowError:
        return None
    # so near the epoch it is a small number that means something else
    return _checked(moment.year, moment.month, moment.day) if abs(number) > 1e8 else None


def _checked(year: int, month: int = 0, day: int = 0) -> str | None:
    if year not in YEARS:
        return None
    try:
        dt.date(year, month or 1, (day or 1) if month else 1)
    except ValueError:
        return None
    return f"{year:04}" + (f"-{month:02}" + (f"-{day:02}" if day else "") if month else "")

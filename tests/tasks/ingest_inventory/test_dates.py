"""When a landslide moved, in the forms that inventories write it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.ingest_inventory.dates import iso_date


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2005", "2005"),
        ("2005-10", "2005-10"),
        ("2005-10-08", "2005-10-08"),
        ("2005-10-08T03:50:40Z", "2005-10-08"),
        ("1996/11/01 00:00:00.000", "1996-11-01"),  # as the USGS writes them
        ("1996/2/3", "1996-02-03"),
        ("20051008", "2005-10-08"),
        ("2005-00-00", "2005"),  # month and day unknown
        (2005, "2005"),
        (2005.0, "2005"),
        (np.int64(20051008), "2005-10-08"),
        (1_128_743_440_000, "2005-10-08"),  # Esri: milliseconds since 1970, UTC
        (-1_000_000_000_000, "1938-04-24"),
        (dt.date(2005, 10, 8), "2005-10-08"),
        (pd.Timestamp("2005-10-08 03:50"), "2005-10-08"),
        (np.datetime64("2005-10-08"), "2005-10-08"),
    ],
)
def test_a_date_is_kept_as_far_as_it_is_known(value: Any, expected: str) -> None:
    assert iso_date(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(None, float("nan"), pd.NaT, "", " ", "unknown", "before 1950", "<script>", "9999", "2005-13-01"),
        *("2005-02-30", 0, 9999, 12.5, 1e30, True),
    ],
)
def test_nonsense_is_no_date(value: Any) -> None:
    assert iso_date(value) is None

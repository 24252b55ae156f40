from __future__ import annotations

import pandas as pd
import pytest

from infra.sample.where import BadWhere, matching

ROWS = pd.DataFrame({"superseded": ["N", "Y", None], "map_year": [2017, 1986, 2017]})


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("1=1", [True, True, True]),
        ("1=0", [False, False, False]),
        ("superseded <> 'Y'", [True, False, False]),  # null is neither equal nor unequal
        ("superseded='N'", [True, False, False]),
        ("map_year >= 2000 AND superseded = 'N'", [True, False, False]),
        ("map_year<2000", [False, True, False]),
        ("superseded = 'O''Neill'", [False, False, False]),
    ],
)
def test_comparisons(where, kept):
    assert matching(ROWS, where).tolist() == kept


@pytest.mark.parametrize(
    "where",
    [
        "",
        "superseded",
        "nothing = 1",
        "map_year = 'x'",
        "superseded = 1",
        "1=1; DROP TABLE x",
        "1=1 OR 1=1",
        "1=1 AND",
    ],
)
def test_anything_else_is_refused(where):
    with pytest.raises(BadWhere):
        matching(ROWS, where)

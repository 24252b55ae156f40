"""Golden tiles, and what counts as the same answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.contract.errors import InvalidParams
from tasks.verify_model.parity import golden_tiles, max_abs_difference
from tasks.verify_model.recipe import judge
from tasks.verify_model.spec import Params


def shard(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.float32)[:, None, None, None] * np.ones(
        (1, 2, 2, 1), np.float32
    )


def test_golden_tiles_are_spread_over_all_regions_from_first_to_last() -> None:
    tiles = golden_tiles([shard(0, 10), shard(10, 90)], 12)
    assert tiles.shape == (12, 2, 2, 1)
    numbers = tiles[:, 0, 0, 0]
    assert (numbers[0], numbers[-1]) == (0, 99)
    assert np.ptp(np.diff(numbers)) <= 1


def test_fewer_tiles_than_asked_for_come_once_each() -> None:
    assert golden_tiles([shard(0, 2), shard(2, 1)], 32)[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_the_difference_is_the_largest_and_nan_must_agree() -> None:
    ours = np.array([0.1, 0.5, np.nan], np.float32)
    assert max_abs_difference(ours, ours) == 0
    assert max_abs_difference(ours, ours + np.float32(0.25)) == pytest.approx(0.25)
    assert max_abs_difference(ours, np.array([0.1, np.nan, np.nan], np.float32)) == math.inf
    assert max_abs_difference(ours, ours[:2]) == math.inf
    assert max_abs_difference(ours[2:], ours[2:]) == 0


def test_the_judgement_names_the_protocol_that_differs() -> None:
    assert judge({"grpc": 0.0, "rest": 1e-6}, 1e-5)["agrees"]
    judged = judge({"grpc": 2e-5, "rest": math.inf}, 1e-5)
    assert not judged["agrees"]
    assert len(judged["reasons"]) == 2
    assert judged["max_abs_difference"] is None


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidParams):
        Params("scarps", tiles=0)

"""How many threads, and that work done ahead comes out in order and in bounded number."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from tasks.contract.errors import InvalidConfig
from tasks.contract.threads import in_order, threads


def test_it_is_the_processors_of_this_process_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_THREADS", raising=False)
    mine = os.sched_getaffinity(0)
    assert threads() == len(mine)
    os.sched_setaffinity(0, {min(mine)})
    try:
        assert threads() == 1
    finally:
        os.sched_setaffinity(0, mine)
    monkeypatch.setenv("PIPELINE_THREADS", "7")
    assert threads() == 7


@pytest.mark.parametrize("given", ["0", "257", "-1", "2.5", "many", " 2", "²"])
def test_what_is_no_number_of_threads_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PIPELINE_THREADS", given)
    with pytest.raises(InvalidConfig, match="whole number from 1 to 256, found"):
        threads()


def test_results_come_in_order_and_few_are_held() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(1, 51):
            taken.append(item)
            yield item

    for given, result in enumerate(in_order(lambda item: item * item, items(), workers=3), 1):
        assert result == given * given
        assert len(taken) - given <= 3
    assert len(taken) == 50


def test_workers_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)
    assert sorted(in_order(lambda _: both.wait(), range(4), workers=2)) == [0, 0, 1, 1]


def test_an_error_is_that_of_its_item() -> None:
    done = in_order(lambda item: 1 // item, [2, 1, 0, 1], workers=2)
    assert [next(done), next(done)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(done)

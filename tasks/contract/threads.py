"""How many threads a task may use, and work done ahead by several, handed out in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tasks.contract.errors import InvalidConfig

MOST = 256
Item = TypeVar("Item")
Result = TypeVar("Result")


def threads() -> int:
    """PIPELINE_THREADS where it is set, else the processors this process may use. No result depends on it."""
    given = os.environ.get("PIPELINE_THREADS")
    if not given:
        return len(os.sched_getaffinity(0))
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= MOST):
        raise InvalidConfig(
            f"PIPELINE_THREADS must be a whole number from 1 to {MOST}, found {given!r}; leave it out to use the "
            "processors this process may use"
        )
    return int(given)


def in_order(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`work` of every item, by `workers` threads, in the order of the items.

    Items are taken in the caller's thread, and never more than `workers` + 1 of them are under way or waiting.
    """
    ahead: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            ahead.append(pool.submit(work, item))
            if len(ahead) > workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

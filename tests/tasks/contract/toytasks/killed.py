"""Run the toy task and die by SIGKILL in the middle of the Nth write to the store.

python killed.py N: 2N is before the write, 2N+1 after it. Prints how many writes there were when it lived.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

import tasks

tasks.__path__.append(str(Path(__file__).parent))

from tasks.contract.config import Config  # noqa: E402
from tasks.runner import run_task  # noqa: E402
from tasks.store import open_store  # noqa: E402
from tasks.toy.spec import SPEC  # type: ignore[import-not-found]  # noqa: E402


class Dying:
    """A real store whose user is killed at a chosen moment."""

    def __init__(self, moment: int) -> None:
        self.store, self.moment, self.now = open_store(), moment, 0

    def _tick(self) -> None:
        if self.now == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)
        self.now += 1

    def put(self, *args: Any, **kwargs: Any) -> str:
        """As the store's, with a moment before and one after."""
        self._tick()
        tag = self.store.put(*args, **kwargs)
        self._tick()
        return tag

    def upload(self, path: Path, key: str) -> None:
        """As the store's, with a moment before and one in the middle: half of the file is there."""
        self._tick()
        half = path.with_name(path.name + ".half")
        half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        self.store.upload(half, key)
        self._tick()
        self.store.upload(path, key)

    def delete(self, key: str) -> None:
        """As the store's, with a moment before and one after."""
        self._tick()
        self.store.delete(key)
        self._tick()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


if __name__ == "__main__":
    store = Dying(int(sys.argv[1]))
    run_task(SPEC, {}, {"toys": "runs/test/run/toys"}, {"word": "bear"}, store, Config())
    print(store.now)

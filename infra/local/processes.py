"""Processes as Linux shows them: start one that cannot outlive us, find ours again, end them all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

TETHER = Path(__file__).with_name("tether.py")
MARK = "PIPELINE_STACK"
"""Environment variable that names the stack's folder in every process of a stack."""


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log: Path,
    cwd: Path,
    on_our_end: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, output appended to `log`; it gets a signal when this thread ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    tethered = [sys.executable, "-IS", TETHER, str(os.getpid()), str(int(on_our_end)), *command]
    with log.open("ab") as sink:
        return subprocess.Popen(
            tethered,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def parents() -> dict[int, int]:
    """Parent of every living process; zombies are left out, they are over."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # ended while we looked
            continue
        if state not in "ZX":
            found[int(entry.name)] = int(parent)
    return found


def descendants(roots: Iterable[int]) -> set[int]:
    """The living processes beneath `roots`, without the roots themselves."""
    tree, wanted, found = parents(), set(roots), set[int]()
    while wanted:
        wanted = {pid for pid, parent in tree.items() if parent in wanted} - found
        found |= wanted
    return found


def marked(mark: str) -> set[int]:
    """The living processes of the stack in the folder `mark`, by their environment; ourselves left out."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for pid in parents():
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
        except OSError:  # ended, or of another user
            continue
    return found - ancestry(os.getpid())


def ancestry(pid: int) -> set[int]:
    """`pid` and the processes above it."""
    tree, line = parents(), set[int]()
    while pid and pid not in line:
        line.add(pid)
        pid = tree.get(pid, 0)
    return line


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def end(find: Callable[[], set[int]], grace_s: float) -> int:
    """End what `find` returns: SIGTERM, `grace_s` seconds later SIGKILL, again until nothing is left.

    Returns how many there were at first. A process that ends makes its children visible, so we ask again.
    """
    first = find()
    send(first, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while left := find():
        if time.monotonic() > deadline:
            send(left, signal.SIGKILL)
        time.sleep(0.05)
    return len(first)

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


def table() -> dict[int, tuple[int, int]]:
    """Parent and start time of every living process; zombies are left out, they are over."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended while we looked
            continue
        if fields[0] not in "ZX":
            found[int(entry.name)] = (int(fields[1]), int(fields[19]))
    return found


def parents() -> dict[int, int]:
    """Parent of every living process."""
    return {pid: parent for pid, (parent, _) in table().items()}


def descendants(roots: Iterable[int]) -> set[int]:
    """The living processes beneath `roots`, without the roots themselves."""
    tree, wanted, found = parents(), set(roots), set[int]()
    while wanted:
        wanted = {pid for pid, parent in tree.items() if parent in wanted} - found
        found |= wanted
    return found


def family(leaders: Iterable[int]) -> set[int]:
    """Processes and all beneath them, as far as they live."""
    first = set(leaders)
    return (first & parents().keys()) | descendants(first)


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
    """End what `find` returns: SIGTERM, `grace_s` seconds later SIGKILL, until nothing of it is left.

    Returns how many there were at first. What was found once is followed by its start time, since a process whose
    parent has ended is no longer beneath anything.
    """
    first, deadline = find(), time.monotonic() + grace_s
    seen: dict[int, int] = {}
    while True:
        alive, found = table(), find()
        fresh = {pid: alive[pid][1] for pid in found if pid in alive and seen.get(pid) != alive[pid][1]}
        seen |= fresh
        left = {pid for pid, started in seen.items() if pid in alive and alive[pid][1] == started}
        if not left:
            return len(first)
        late = time.monotonic() > deadline
        send(left if late else fresh, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.05)

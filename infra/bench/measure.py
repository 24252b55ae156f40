"""Time and memory of a piece of work, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK = bytes(1 << 20)


@dataclass(frozen=True)
class Figures:
    """Wall-clock seconds, the most memory resident at once in megabytes, and the processors' seconds."""

    seconds: float
    peak_mb: float
    cpu_s: float


def apart(module: str, *words: str | Path) -> Figures:
    """Run `python -m module words` and read its peak memory, which a process shares with nobody."""
    begun = time.monotonic()
    command = [sys.executable, "-m", module, *map(str, words)]
    with subprocess.Popen(command) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Figures(time.monotonic() - begun, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that a piece of work takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def synced(*paths: Path) -> None:
    """Have files on the disk."""
    for path in paths:
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def disk_mb_s(folder: Path, size: int) -> float:
    """What the disk takes: `size` bytes written in one go and synced, in MB/s."""
    path = folder / "disk.bin"

    def write() -> None:
        with path.open("wb") as file:
            for _ in range(size >> 20):
                file.write(CHUNK)
            os.fsync(file.fileno())

    seconds = timed(write)
    path.unlink()
    return (size >> 20) * 1.048576 / seconds


def machine() -> str:
    """Processor, cores, memory and system, in a line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "processor")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) >> 20
    return f"{cpu}, {os.cpu_count()} cores, {memory} GB, {os.uname().sysname} {os.uname().release}"


def versions(*names: str) -> str:
    """Versions of the distributions that shape the figures."""
    from importlib import metadata

    return json.dumps({name: metadata.version(name) for name in names}).strip("{}").replace('"', "")

"""Starting, stopping and looking at the stack, from the outside."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local import airflow, components, environments, ports, processes
from infra.local.env import write_config
from infra.local.settings import Settings, StackFailed, keys

STOP_S = 45.0
LEAST_FREE_GB = 2.0


def is_up(settings: Settings) -> bool:
    """Whether a guard holds the stack's folder."""
    path = settings.folder / "lock"
    if not path.exists():
        return False
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def state(settings: Settings) -> dict[str, Any]:
    """What the supervisor last wrote; nothing when there is none."""
    try:
        told: dict[str, Any] = json.loads(settings.state.read_text())
    except FileNotFoundError:
        return {"parts": {}}
    if not is_up(settings):
        for part in told["parts"].values():
            part["state"] = "stopped" if part["state"] != "failed" else "failed"
            part["pid"] = None
    return told


def check(settings: Settings, parts: list[components.Component]) -> None:
    """Refuse, before anything is started, what cannot come up; the sentence says what to do."""
    if not Path("/proc/self/environ").exists():
        raise StackFailed("The local stack needs Linux: it finds its processes under /proc")
    for name in {name for part in parts for name in part.uses}:
        if not environments.is_complete(name):
            raise StackFailed(f"The environment {name} is missing or out of date: run make envs")
    free = shutil.disk_usage(settings.folder).free / 1e9
    if free < LEAST_FREE_GB:
        raise StackFailed(
            f"The disk of {settings.folder} has {free:.1f} GB free, the stack needs {LEAST_FREE_GB:.0f}: "
            "free some space, or set PIPELINE_LOCAL to a folder on a larger disk"
        )
    check_ports(settings, {part.name for part in parts})


def check_ports(settings: Settings, names: set[str]) -> None:
    """Refuse when somebody else listens on a port that the parts need."""
    owners = {"S3": "s3", "SAMPLE": "sample", "REPORTS": "reports", "AIRFLOW": "airflow-api"}
    owners |= {"GRPC": "model-server", "REST": "model-server"}
    for name, port in settings.listeners().items():
        service = next(short for short in owners if name.startswith(f"PIPELINE_PORT_{short}"))
        if owners[service] in names and not ports.is_free(port):
            moved = name.split(" ")[0]
            what = f"port {port}" + (f", which object storage needs beside {moved}," if " " in name else "")
            raise StackFailed(
                f"{what[0].upper()}{what[1:]} is taken by another program: end that, or choose another port "
                f"with {moved}=..., or move all with PIPELINE_PORT_BASE=..."
            )


def sweep(settings: Settings) -> int:
    """End what an earlier stack in this folder may have left; returns how many processes there were."""
    return processes.end(lambda: processes.marked(str(settings.folder)), 5.0)


def launch(settings: Settings, names: list[str]) -> subprocess.Popen[bytes]:
    """Start the guard, detached from this terminal."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    for log in settings.logs.glob("*.log"):  # the last run's stay, once
        log.replace(log.with_suffix(".log.1"))
    settings.state.unlink(missing_ok=True)
    with (settings.logs / "supervisor.log").open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "infra.local.supervisor", "guard", *names],
            env=os.environ | {processes.MARK: str(settings.folder)},
            cwd=environments.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def up(settings: Settings, names: list[str], say: Callable[[str], None] = print) -> None:
    """Start the stack, or the named parts of it, and wait until all are ready.

    Raises `StackFailed`, with everything stopped again, when a part does not come up.
    """
    settings.folder.mkdir(parents=True, exist_ok=True)
    with (settings.folder / "up.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two at once: the second finds the stack running
        up_alone(settings, names, say)


def up_alone(settings: Settings, names: list[str], say: Callable[[str], None]) -> None:
    """`up`, by one caller at a time."""
    if is_up(settings):
        say("The stack is already running.")
        return
    if left := sweep(settings):
        say(f"Ended {left} processes that an earlier stack had left behind.")
    keys(settings.folder)
    airflow.prepare(settings)
    write_config(settings)
    parts = components.chosen(components.components(settings), names)
    check(settings, parts)
    started = time.monotonic()
    guard = launch(settings, names)
    try:
        follow(settings, guard, say)
    except BaseException:  # also Ctrl-C: what was half started is stopped
        down(settings)
        raise
    if any(part.name == "airflow-db" for part in parts):
        (settings.airflow_home / "migrated").write_text(environments.fingerprint("airflow"))
    say(f"Ready after {time.monotonic() - started:.0f} s. Logs: {settings.logs}")
    if any(part.name == "airflow-api" for part in parts):
        say(
            f"Airflow's user is {airflow.USER}; the password is in {settings.airflow_home / 'passwords.json'}"
        )


def follow(settings: Settings, guard: subprocess.Popen[bytes], say: Callable[[str], None]) -> None:
    """Report each part as it gets ready; return when all are."""
    shown = set[str]()
    while True:
        parts = state(settings)["parts"]
        for name, part in parts.items():
            if part["state"] == "failed":
                raise StackFailed(f"{part['error']}\n{tail(Path(part['log']))}")
            if part["state"] in ("ready", "done") and name not in shown:
                shown.add(name)
                say(
                    f"  {part['title']:<22} {part['state']:<6} {part['took_s']:6.1f} s  {part['address']}".rstrip()
                )
        if parts and len(shown) == len(parts):
            return
        if guard.poll() is not None:
            log = settings.logs / "supervisor.log"
            raise StackFailed(
                f"The supervisor ended while it was starting the stack. Read {log}\n{tail(log)}"
            )
        time.sleep(0.2)


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, indented."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def down(settings: Settings) -> bool:
    """Stop the stack and whatever is left of it; returns whether there was anything to stop."""
    there = is_up(settings)
    ours = processes.marked(str(settings.folder))
    guard = state(settings).get("guard")
    if there and guard in ours:
        processes.send([guard], signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while is_up(settings) and time.monotonic() < deadline:
            time.sleep(0.1)
    return bool(sweep(settings)) or there


def status(settings: Settings) -> tuple[str, bool]:
    """A table of the parts, and whether all of them are well."""
    parts = state(settings)["parts"]
    if not parts:
        return "The stack is not running; make up starts it.", False
    rows = [("PART", "STATE", "PID", "ADDRESS", "LOG")]
    rows += [
        (name, part["state"], str(part["pid"] or ""), part["address"], Path(part["log"]).name)
        for name, part in parts.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines += [part["error"] for part in parts.values() if part["error"]]
    lines += [f"Logs: {settings.logs}"]
    return "\n".join(lines), all(part["state"] in ("ready", "done") for part in parts.values())

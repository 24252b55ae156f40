"""Keeps the stack's processes: starts each when what it waits for is ready, starts it again when it ends, stops all.

    python -m infra.local.supervisor guard [NAME ...]

There are two processes. The *supervisor* does the work. The *guard* above it does nothing but wait, adopts whatever
loses its parent, and ends everything when the supervisor is gone, also after SIGKILL. When the guard itself is
killed, the kernel tells the supervisor to stop.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from infra.local import environments, processes
from infra.local.components import Component, chosen, components
from infra.local.settings import Settings

PR_SET_CHILD_SUBREAPER = 36
TICK_S = 0.2
RESTARTS, WITHIN_S = 5, 600.0
GRACE_S = 10.0


@dataclass
class Part:
    """A component and what became of it. States: waiting, starting, ready, done, restarting, failed, stopped."""

    component: Component
    log: Path
    state: str = "waiting"
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    took_s: float = 0.0
    ends: list[float] = field(default_factory=list)
    was_ready: bool = False
    error: str = ""

    def start(self) -> None:
        """Start the process; its output goes to the component's log."""
        env = self.component.env | {processes.MARK: os.environ[processes.MARK]}
        self.started = time.monotonic()
        self.state = "starting"
        self.process = processes.spawn(self.component.command, env=env, log=self.log, cwd=environments.ROOT)

    def fail(self, why: str) -> None:
        """Give up on it, saying where to look."""
        self.state, self.error = "failed", f"{self.component.title} {why}. Read {self.log}"
        self.stop()

    def stop(self) -> None:
        """End the process and what it started."""
        if self.process is not None and self.process.poll() is None:
            leader = self.process.pid
            processes.end(lambda: processes.family([leader]), GRACE_S)
            self.process.wait()

    def watch(self, now: float) -> None:
        """Move on: ready, done, to be started again, or failed."""
        assert self.process is not None
        code = self.process.poll()
        if code is not None:
            self.ended(code, now)
        elif self.state == "starting" and not self.component.once and self.component.is_ready():
            self.state, self.was_ready, self.took_s = "ready", True, now - self.started
        elif self.state == "starting" and now - self.started > self.component.timeout_s:
            self.fail(f"was not ready after {self.component.timeout_s:.0f} s")

    def ended(self, code: int, now: float) -> None:
        """The process is over: good for one that runs once, else a reason to try again, a few times."""
        if self.component.once and code == 0:
            self.state, self.took_s = "done", now - self.started
            return
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self.ends = [moment for moment in self.ends if now - moment < WITHIN_S] + [now]
        if not self.was_ready:
            self.fail(f"{how} before it was ready")
        elif len(self.ends) > RESTARTS:
            self.fail(f"{how} for the {len(self.ends)}th time within {WITHIN_S / 60:.0f} minutes")
        else:
            self.state, self.due = "restarting", now + min(2.0 ** len(self.ends), 30.0) / 2
            self.error = f"{how}, started again ({len(self.ends)} of {RESTARTS})"
            self.process = None

    def told(self) -> dict[str, Any]:
        """What `status` shows."""
        running = self.process is not None and self.process.returncode is None
        return {
            "title": self.component.title,
            "state": self.state,
            "pid": self.process.pid if running and self.process else None,
            "took_s": round(self.took_s, 1),
            "address": self.component.address,
            "log": str(self.log),
            "error": self.error,
        }


class Supervisor:
    """Runs the parts until it is told to stop."""

    def __init__(self, settings: Settings, parts: list[Component]) -> None:
        self.settings = settings
        self.parts = {part.name: Part(part, settings.logs / f"{part.name}.log") for part in parts}
        self.stopping = False
        self.last = ""

    def stop_soon(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: end the loop at its next turn."""
        self.stopping = True

    def run(self) -> None:
        """The loop."""
        while not self.stopping:
            self.turn(time.monotonic())
            self.write()
            time.sleep(TICK_S)
        self.stop()

    def turn(self, now: float) -> None:
        """Look after every part once."""
        for part in self.parts.values():
            if (part.state == "waiting" and self.may_start(part)) or (
                part.state == "restarting" and now >= part.due
            ):
                part.start()
            elif part.state in ("starting", "ready"):
                part.watch(now)

    def may_start(self, part: Part) -> bool:
        """Whether all that the part waits for is there; parts that were not chosen are not waited for."""
        before = [self.parts[name] for name in part.component.after if name in self.parts]
        return all(one.state in ("ready", "done") for one in before)

    def write(self, state: str = "running") -> None:
        """Tell the others how it stands, when something has changed."""
        told = {"state": state, "supervisor": os.getpid(), "guard": os.getppid()}
        text = json.dumps(
            told | {"parts": {name: part.told() for name, part in self.parts.items()}}, indent=1
        )
        if text != self.last:
            beside = self.settings.state.with_suffix(".tmp")
            beside.write_text(text + "\n")
            beside.replace(self.settings.state)
            self.last = text

    def stop(self) -> None:
        """End all parts; storage last, so that what the others still write arrives."""
        leaders = {name: part.process.pid for name, part in self.parts.items() if part.process is not None}
        last = leaders.pop("s3", None)
        processes.end(lambda: processes.family(leaders.values()), GRACE_S)
        processes.end(lambda: processes.family([] if last is None else [last]), GRACE_S)
        for part in self.parts.values():
            part.state = "failed" if part.state == "failed" else "stopped"
            if part.process is not None:
                part.process.wait()
            part.process = None
        self.write("stopped")


def supervise(names: list[str]) -> None:
    """The lower process: all work is here."""
    settings = Settings.of(os.environ)
    supervisor = Supervisor(settings, chosen(components(settings), names))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, supervisor.stop_soon)
    supervisor.run()


def guard(names: list[str]) -> None:
    """The upper process: wait for the supervisor to end, then see that nothing is left."""
    settings = Settings.of(os.environ)
    with (settings.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one stack a folder; gone with this process
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        child = processes.spawn(
            [sys.executable, "-m", "infra.local.supervisor", "supervise", *names],
            env=os.environ,
            log=settings.logs / "supervisor.log",
            cwd=environments.ROOT,
            on_our_end=signal.SIGTERM,
        )

        def pass_on(number: int, frame: FrameType | None) -> None:
            processes.send([child.pid], signal.SIGTERM)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, pass_on)
        while os.waitpid(-1, 0)[0] != child.pid:  # adopted ones end here too
            continue
        processes.end(lambda: processes.descendants([os.getpid()]), GRACE_S / 2)


if __name__ == "__main__":
    {"guard": guard, "supervise": supervise}[sys.argv[1]](sys.argv[2:])

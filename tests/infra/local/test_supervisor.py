"""The supervisor: order, restarts with an end, and reasons that name the log. The parts are small real processes."""

import sys
import time

import pytest

from infra.local import processes
from infra.local.components import Component
from infra.local.settings import Settings
from infra.local.supervisor import RESTARTS, Supervisor


@pytest.fixture
def supervise(tmp_path, monkeypatch):
    monkeypatch.setenv(processes.MARK, str(tmp_path))
    started = []

    def go(*parts):
        supervisor = Supervisor(Settings.of({"PIPELINE_LOCAL": str(tmp_path)}), list(parts))
        started.append(supervisor)
        return supervisor

    yield go
    for supervisor in started:
        supervisor.stop()


def part(name, code, **options):
    return Component(name, name.title(), [sys.executable, "-c", code], {}, **options)


def turn_until(supervisor, done, limit_s=20.0):
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, {name: part.state for name, part in supervisor.parts.items()}
        supervisor.turn(time.monotonic())
        time.sleep(0.02)


def test_a_part_starts_when_what_it_waits_for_is_done(supervise, tmp_path):
    first = part("first", f"import time; time.sleep(.3); open({str(tmp_path / 'made')!r}, 'w')", once=True)
    second = part(
        "second", f"open({str(tmp_path / 'made')!r}); import time; time.sleep(60)", after=("first",)
    )
    supervisor = supervise(first, second)
    turn_until(supervisor, lambda: supervisor.parts["second"].state == "ready")
    assert supervisor.parts["first"].state == "done"
    time.sleep(0.3)
    supervisor.turn(time.monotonic())
    assert supervisor.parts["second"].state == "ready"


def test_a_part_that_ends_early_fails_with_the_name_of_its_log(supervise):
    supervisor = supervise(part("short", "raise SystemExit(3)", once=True))
    one = supervisor.parts["short"]
    turn_until(supervisor, lambda: one.state == "failed")
    assert one.error == f"Short ended with exit code 3 before it was ready. Read {one.log}"


def test_a_part_that_never_gets_ready_is_ended_and_fails(supervise):
    supervisor = supervise(part("slow", "import time; time.sleep(60)", is_ready=lambda: False, timeout_s=0.3))
    one = supervisor.parts["slow"]
    turn_until(supervisor, lambda: one.state == "failed")
    assert "was not ready after 0 s" in one.error
    assert one.process.poll() is not None


def test_a_part_that_keeps_ending_is_started_again_only_so_often(supervise, monkeypatch):
    supervisor = supervise(part("restless", "import time; time.sleep(60)"))
    one = supervisor.parts["restless"]
    pids = set()
    while one.state != "failed":
        turn_until(supervisor, lambda: one.state in ("ready", "failed"))
        if one.state == "ready":
            pids.add(one.process.pid)
            one.process.kill()
            one.process.wait()
            supervisor.turn(time.monotonic())
            one.due = 0.0  # the pause grows; the test does not wait for it
    assert len(pids) == RESTARTS + 1
    assert "ended by SIGKILL for the 6th time" in one.error
    assert str(one.log) in one.error


def test_stopping_ends_what_the_parts_started_and_what_ignores_sigterm(supervise, monkeypatch):
    monkeypatch.setattr("infra.local.supervisor.GRACE_S", 0.5)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {stubborn!r}])"
    supervisor = supervise(part("nested", nested))
    one = supervisor.parts["nested"]
    turn_until(
        supervisor, lambda: one.state == "ready" and len(processes.descendants([one.process.pid])) == 1
    )
    time.sleep(0.3)
    inner = processes.descendants([one.process.pid])
    supervisor.stop()
    assert not inner & set(processes.parents())

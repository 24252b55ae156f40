"""The stack's commands, with its object storage as the part that is started: nothing is ever left behind."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from infra.local import environments, processes
from infra.local.ports import free_block
from infra.local.settings import PORTS, Settings, StackFailed


class Stack:
    """The command line, run as a person runs it."""

    def __init__(self, folder, base):
        self.folder = folder
        self.base = base
        ports = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_PORT")}
        self.env = ports | {"PIPELINE_LOCAL": str(folder), "PIPELINE_PORT_BASE": str(base)}

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, "-m", "infra.local", *words],
            **{"env": self.env, "cwd": environments.ROOT, "text": True},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
        )

    def __call__(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=90)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    @property
    def state(self):
        return json.loads((self.folder / "state.json").read_text())

    @property
    def processes(self):
        return processes.marked(str(self.folder))

    def wait_until(self, done, limit_s=30.0):
        end = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.fixture
def stack(tmp_path):
    one = Stack(tmp_path / "local", free_block(15))
    yield one
    one("down")
    assert not one.processes


def test_up_status_down(stack):
    up = stack("up", "--only", "s3")
    assert up.returncode == 0, up.stderr
    assert f"http://127.0.0.1:{stack.base}" in up.stdout
    status = stack("status")
    assert status.returncode == 0
    assert "ready" in status.stdout
    again = stack("up", "--only", "s3")
    assert (again.returncode, again.stdout) == (0, "The stack is already running.\n")
    assert stack("down").stdout == "Stopped.\n"
    assert not stack.processes
    assert stack("status").returncode == 3
    assert stack("down").stdout == "The stack was not running.\n"


def test_secrets_are_for_the_owner_only_and_stay_the_same(stack):
    stack("up", "--only", "s3")
    secrets = stack.folder / "secrets.env"
    first = secrets.read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    stack("down")
    assert stack("up", "--only", "s3").returncode == 0
    assert secrets.read_text() == first


@pytest.mark.parametrize("whom", ["supervisor", "guard"])
def test_a_killed_stack_leaves_no_process(stack, whom):
    stack("up", "--only", "s3")
    assert len(stack.processes) == 3
    os.kill(stack.state[whom], signal.SIGKILL)
    stack.wait_until(lambda: not stack.processes)
    assert stack("up", "--only", "s3").returncode == 0


def test_down_finds_what_is_left_when_both_are_killed(stack):
    stack("up", "--only", "s3")
    sleeper = subprocess.Popen(
        ["sleep", "600"], env=os.environ | {processes.MARK: str(stack.folder)}, start_new_session=True
    )
    for whom in ("guard", "supervisor"):
        os.kill(stack.state[whom], signal.SIGKILL)
    stack.wait_until(lambda: stack.processes == {sleeper.pid})
    assert stack("down").stdout == "Stopped.\n"
    assert sleeper.wait(5) == -signal.SIGTERM


def test_a_part_that_dies_is_started_again(stack):
    stack("up", "--only", "s3")
    first = stack.state["parts"]["s3"]["pid"]
    os.kill(first, signal.SIGKILL)
    stack.wait_until(lambda: stack.state["parts"]["s3"]["pid"] not in (None, first))
    stack.wait_until(lambda: stack.state["parts"]["s3"]["state"] == "ready")
    assert "ended by SIGKILL, started again (1 of 5)" in stack("status").stdout


def test_ctrl_c_while_starting_stops_what_has_started(stack):
    starting = stack.start("up", "--only", "s3")
    stack.wait_until(lambda: len(stack.processes) >= 2)
    starting.send_signal(signal.SIGINT)
    _, err = starting.communicate(timeout=30)
    assert starting.returncode in (0, 130), err  # 0 when it had just become ready
    if starting.returncode:
        assert not stack.processes


@pytest.mark.parametrize("offset", [0, 3])
def test_a_taken_port_is_named_with_what_moves_it_before_anything_starts(stack, offset):
    with socket.socket() as other:
        other.bind(("127.0.0.1", stack.base + offset))
        other.listen()
        up = stack("up", "--only", "s3")
    assert up.returncode == 1
    assert f"ort {stack.base + offset}" in up.stderr
    assert "PIPELINE_PORT_S3=" in up.stderr
    assert len(up.stderr.splitlines()) == 1
    assert not (stack.folder / "state.json").exists()


def test_a_command_runs_in_the_environment_of_the_tasks(stack):
    script = "import os; print(os.environ['PIPELINE_STORE'], os.environ['AWS_ENDPOINT_URL'])"
    run = stack("run", "--", sys.executable, "-c", script)
    assert run.stdout == f"s3://landslides/pipeline http://127.0.0.1:{stack.base}\n"


def test_an_unknown_part_is_refused_with_the_known_ones(stack):
    up = stack("up", "--only", "s4")
    assert up.returncode == 1
    assert "No part is called s4; there are airflow-api," in up.stderr


def test_ports_have_defaults_and_one_variable_each():
    assert Settings.of({}).ports == PORTS
    assert Settings.of({"PIPELINE_PORT_REST": "9000"}).ports == PORTS | {"rest": 9000}
    assert (
        Settings.of({"PIPELINE_PORT_BASE": "15000", "PIPELINE_PORT_REST": "9000"}).ports["airflow"] == 15013
    )


@pytest.mark.parametrize("text", ["http", "80", "70000", "-1"])
def test_what_is_not_a_port_is_refused(text):
    with pytest.raises(StackFailed, match=f"PIPELINE_PORT_GRPC={text} is not a port"):
        Settings.of({"PIPELINE_PORT_GRPC": text})


def test_two_services_on_one_port_are_refused():
    with pytest.raises(StackFailed, match="PIPELINE_PORT_GRPC and PIPELINE_PORT_REST"):
        Settings.of({"PIPELINE_PORT_GRPC": "9000", "PIPELINE_PORT_REST": "9000"})


def test_the_reports_are_read_from_the_stacks_own_storage(stack):
    up = stack("up", "--only", "reports")
    assert up.returncode == 0, up.stderr
    address = f"http://127.0.0.1:{stack.base + 14}/"
    assert address in stack("status").stdout
    script = "from tasks.store import open_store; open_store().put('reports/index.html', b'<p>There.')"
    python = environments.python_of("terrain")
    for status, text in ((404, "There is no index of the reports yet."), (200, "<p>There.")):
        connection = http.client.HTTPConnection("127.0.0.1", stack.base + 14, timeout=20)
        connection.request("GET", "/reports/index.html")
        answer = connection.getresponse()
        assert (answer.status, answer.read().decode()[: len(text)]) == (status, text)
        assert stack("run", "--", str(python), "-c", script).returncode == 0

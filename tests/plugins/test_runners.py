"""The same arguments make a process, a container or a pod; credentials travel by environment, never by argv."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

import pipeline_tasks
from tasks.contract.errors import WrongWiring

WIRING = {
    "task_id": "train_unet",
    "takes": {
        "stacks": ["runs/a/b/x", "runs/a/b/y"],
        "masks": "runs/a/b/m",
        "augmented": "runs/a/b/m",
        "reports": "runs/a/b/m",
    },
    "makes": {"model": "runs/a/b/model"},
    "given": {"model": "scarps"},
}
ARGV = [
    *("train_unet", "--take", "stacks=runs/a/b/x", "--take", "stacks=runs/a/b/y"),
    *("--take", "masks=runs/a/b/m", "--take", "augmented=runs/a/b/m", "--take", "reports=runs/a/b/m"),
    *("--make", "model=runs/a/b/model", "--given", "model=scarps"),
]
SECRET = "not-for-argv"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Airflow's own process has about it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("PIPELINE_STORE", "s3://bucket/prefix")
    monkeypatch.setenv("PIPELINE_GPUS", "1")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "airflow's own")
    monkeypatch.setenv("DATABASE_PASSWORD", "airflow's own")


def argv_of(task: Any) -> list[str]:
    """The command line, as `execute` makes it."""
    return list(task.spec.argv(task.takes, task.makes, task.given))


def test_a_process_runs_in_the_environment_of_its_image() -> None:
    task = pipeline_tasks.ProcessTask(**WIRING)
    assert task.python.parts[-3:] == ("tensorflow", "bin", "python")
    task.fill(argv_of(task))
    assert task.argv == ARGV


def test_the_environment_is_an_allow_list() -> None:
    allowed = pipeline_tasks.allowed_environment()
    assert allowed["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert not {name for name in allowed if name.startswith(("AIRFLOW", "DATABASE"))}
    assert SECRET not in " ".join(ARGV)


def test_a_container_has_image_limits_gpu_and_private_credentials() -> None:
    task = pipeline_tasks.docker_task()(**WIRING)
    task.fill(argv_of(task))
    assert task.command == ARGV
    assert task.image == "landslide-pipeline-tensorflow:0.1.0"
    assert (task.mem_limit, task.auto_remove, task.mount_tmp_dir) == ("8.0g", "force", False)
    assert task.device_requests[0]["Capabilities"] == [["gpu"]]
    assert task._private_environment["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert SECRET not in str(task.environment)
    assert list(task.skip_on_exit_code) == [99]


@pytest.mark.parametrize(
    ("settings", "cpus", "threads"),
    [
        ({}, 2.0, "2"),
        ({"PIPELINE_CPUS": "6"}, 6.0, "6"),
        ({"PIPELINE_CPUS": "0.5"}, 0.5, "1"),
        ({"PIPELINE_CPUS": "6", "PIPELINE_THREADS": "3"}, 6.0, "3"),
    ],
)
def test_a_container_uses_as_many_threads_as_it_may_use_processors(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], cpus: float, threads: str
) -> None:
    """It sees all of its machine's, so that its own count would be wrong."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    container, pod = pipeline_tasks.docker_task()(**WIRING), pipeline_tasks.kubernetes_task()(**WIRING)
    assert (container.cpus, container._private_environment["PIPELINE_THREADS"]) == (cpus, threads)
    assert pod.container_resources.requests["cpu"] == str(cpus)
    assert pod.env_vars["PIPELINE_THREADS"] == threads


def test_only_tasks_that_can_use_a_gpu_ask_for_one() -> None:
    task = pipeline_tasks.docker_task()(
        task_id="fit_baselines", takes={"stacks": "a/b", "masks": "a/b"}, makes={"baselines": "a/c"}
    )
    assert not task.device_requests


def test_a_failed_container_is_judged_by_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.docker.exceptions import DockerContainerFailedException
    from airflow.providers.docker.operators.docker import DockerOperator

    task = pipeline_tasks.docker_task()(**WIRING)
    for code, error in ((65, AirflowFailException), (75, AirflowException), (1, AirflowException)):

        def fail(self: object, context: object, code: int = code) -> None:
            raise DockerContainerFailedException(f"Docker container failed: {{'StatusCode': {code}}}")

        monkeypatch.setattr(DockerOperator, "execute", fail)
        with pytest.raises(error):
            task.execute({})


def test_a_pod_has_image_limits_gpu_and_a_secret() -> None:
    task = pipeline_tasks.kubernetes_task()(**WIRING)
    task.fill(argv_of(task))
    assert task.arguments == ARGV
    assert task.image == "landslide-pipeline-tensorflow:0.1.0"
    assert task.container_resources.limits == {"memory": "8.0Gi", "nvidia.com/gpu": "1"}
    assert task.container_security_context.run_as_non_root
    assert SECRET not in str(task.env_vars)
    assert "PIPELINE_STORE" in str(task.env_vars)
    assert task.env_from[0].secret_ref.name == "pipeline-store"
    assert list(task.skip_on_exit_code) == [99]


def test_a_pod_with_bad_input_is_not_retried() -> None:
    task = pipeline_tasks.kubernetes_task()(**WIRING)
    for code, error in ((65, AirflowFailException), (99, AirflowSkipException), (75, AirflowException)):
        ended = SimpleNamespace(terminated=SimpleNamespace(exit_code=code, message="", reason="Error"))
        status = SimpleNamespace(name=task.base_container_name, state=ended)
        pod = SimpleNamespace(
            metadata=SimpleNamespace(name="pod", namespace="n", labels={}),
            spec=SimpleNamespace(containers=[], volumes=[]),
            status=SimpleNamespace(phase="Failed", container_statuses=[status], init_container_statuses=[]),
        )
        task.on_finish_action = "keep_pod"
        task.is_istio_enabled = lambda pod: False  # no cluster here to ask, and nothing to delete from
        task.process_pod_deletion = lambda *args, **kwargs: None
        with pytest.raises(error) as raised:
            task.cleanup(pod, pod)
        assert type(raised.value) is error or code == 75


@pytest.mark.parametrize(
    ("code", "error"),
    [(99, AirflowSkipException), (65, AirflowFailException), (75, AirflowException), (-9, AirflowException)],
)
def test_exit_codes(code: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        pipeline_tasks.judge("x", code)
    pipeline_tasks.judge("x", 0)


def test_wrong_wiring_fails_when_the_dag_is_parsed() -> None:
    with pytest.raises(WrongWiring, match="unknown"):
        pipeline_tasks.ProcessTask(**{**WIRING, "takes": {**WIRING["takes"], "label": "a/b"}})


def test_the_setting_chooses_the_runner_and_only_that_is_imported() -> None:
    import os
    import subprocess

    script = (
        "import sys, pipeline_tasks; pipeline_tasks.Task; "
        "print(*(m for m in ('docker', 'kubernetes') if m in sys.modules))"
    )
    for runner, modules in (("process", ""), ("docker", "docker")):
        ended = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PIPELINE_RUNNER": runner},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout.split("\n")[-2].strip() == modules


def test_a_runner_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_RUNNER", "magic")
    with pytest.raises(AirflowException, match="must be one of process, docker, kubernetes"):
        pipeline_tasks.__getattr__("Task")

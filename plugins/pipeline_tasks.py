"""A task of `tasks/` as an Airflow operator: a process, a Docker container or a Kubernetes pod.

`from pipeline_tasks import Task` gives the operator that `PIPELINE_RUNNER` names (process, docker, kubernetes);
only that one is imported. All three take the same arguments and run the same command line.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import Asset, BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from tasks.contract.spec import Refs, TaskSpec, load_spec

ROOT = Path(__file__).resolve().parents[1]
STOPPED, BAD_INPUT = 99, 65
MAPPED = "{{ task.names.values() | list | last if task.names else '' }}"
"""What a mapped task is called in the UI: its region, recipe or model, not a number."""
ALLOWED = re.compile(
    r"(AWS_|PIPELINE_|TF_|OMP_|CUDA_|NVIDIA_|GDAL_)\w+|PATH|HOME|LANG|LC_ALL|TMPDIR|TZ|SSL_CERT_FILE|SSL_CERT_DIR"
    r"|REQUESTS_CA_BUNDLE|(?i:https?_proxy|no_proxy)"
)
OF_THIS_MACHINE = {
    "PATH",
    "HOME",
    "TMPDIR",
    "PIPELINE_ENVS",
    "PIPELINE_WORK",
    "PIPELINE_CONFIG",
    "PIPELINE_LOCAL",
    "PIPELINE_DATA",
}
SECRET = re.compile(r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)")


def allowed_environment() -> dict[str, str]:
    """What a task may see of Airflow's environment: the store, its credentials, the pipeline's settings."""
    return {name: value for name, value in os.environ.items() if ALLOWED.fullmatch(name)}


def portable_environment() -> dict[str, str]:
    """The same, less what names folders of this machine: for containers.

    A container sees all processors of its machine, however few it may use: it is told its number of threads.
    """
    allowed = {name: value for name, value in allowed_environment().items() if name not in OF_THIS_MACHINE}
    return {"PIPELINE_THREADS": str(max(int(cpus()), 1)), **allowed}


def container_image(spec: TaskSpec) -> str:
    """`<prefix>-<dependency set>:<tag>`; the tag is never `latest`."""
    prefix = os.environ.get("PIPELINE_IMAGE_PREFIX", "landslide-pipeline")
    return f"{prefix}-{spec.image}:{os.environ.get('PIPELINE_IMAGE_TAG', '0.1.0')}"


def cpus() -> float:
    """How many processors a container may use: `PIPELINE_CPUS`, or 2."""
    return float(os.environ.get("PIPELINE_CPUS", "2"))


def gpus(spec: TaskSpec) -> int:
    """How many GPUs the task asks for: `PIPELINE_GPUS` for those that can use one."""
    return int(os.environ.get("PIPELINE_GPUS", "0")) if spec.gpu else 0


class PipelineTask(BaseOperator):
    """One task of the pipeline. Refs in, refs out; nothing travels by XCom.

    does       package below `tasks/`; the task id where not named
    takes      input -> ref, or refs;  makes: output -> ref;  given: names of a region, a recipe, a model, ...
    names      what refs and given names are rendered with (`{{ task.names.region }}`); `given` where not named
    announces  asset that gets an event for `partition` when the task succeeds; one that skips announces nothing
    """

    template_fields = ("names", "partition", "given", "takes", "makes")  # rendered in this order

    def __init__(
        self,
        *,
        task_id: str,
        does: str = "",
        takes: Mapping[str, Refs] | None = None,
        makes: Mapping[str, str] | None = None,
        given: Mapping[str, Any] | None = None,
        names: Mapping[str, Any] | None = None,
        announces: Asset | None = None,
        partition: Any = None,
        **kwargs: Any,
    ) -> None:
        self.spec = load_spec(does or task_id)
        self.takes, self.makes, self.given = dict(takes or {}), dict(makes or {}), dict(given or {})
        self.names = dict(names or self.given)
        self.announces, self.partition = announces, partition
        self.spec.argv(self.takes, self.makes, self.given)  # wrong wiring fails when the DAG is parsed
        outlets = [announces] if announces else []
        kwargs.setdefault("map_index_template", MAPPED)
        super().__init__(task_id=task_id, do_xcom_push=False, outlets=outlets, **self.runner(), **kwargs)

    def runner(self) -> dict[str, Any]:
        """Arguments of the operator that runs it."""
        return {}

    def fill(self, argv: list[str]) -> None:
        """Hand the rendered command line to the operator that runs it."""
        raise TypeError(f"{type(self).__name__} names no runner")

    def execute(self, context: Context) -> None:
        """Run the task; announce when it succeeded."""
        self.fill(self.spec.argv(self.takes, self.makes, self.given))
        super().execute(context)  # a skip raises, so that there is no event
        if self.announces:
            context["outlet_events"][self.announces].add_partitions(self.partition)


def judge(task: str, exit_code: int) -> None:
    """What a task's exit code means to Airflow (see `tasks.contract.errors`)."""
    if exit_code == STOPPED:
        raise AirflowSkipException(f"{task}: refused, or nothing to do")
    if exit_code == BAD_INPUT:
        raise AirflowFailException(f"{task}: bad data or parameters; a retry would not help")
    if exit_code:
        raise AirflowException(f"{task} exited {exit_code}")


class Process(BaseOperator):
    """A local process in the dependency set's own environment. No shell."""

    def execute(self, context: Context) -> None:
        """Run it, line by line into the task's log."""
        self.hook = SubprocessHook()
        environment = allowed_environment() | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        result = self.hook.run_command(
            [str(self.python), "-m", "tasks", *self.argv], env=environment, cwd=str(ROOT)
        )
        judge(self.argv[0], result.exit_code)

    def on_kill(self) -> None:
        """End the process group."""
        self.hook.send_sigterm()


class ProcessTask(PipelineTask, Process):
    """A task as a local process."""

    def runner(self) -> dict[str, Any]:
        """The interpreter of the task's environment, `PIPELINE_ENVS/<set>/bin/python`."""
        self.python = (
            Path(os.environ.get("PIPELINE_ENVS", ROOT / ".envs")) / self.spec.image / "bin" / "python"
        )
        return {}

    def fill(self, argv: list[str]) -> None:
        """The words after `python -m tasks`."""
        self.argv = argv


def docker_task() -> type[PipelineTask]:
    """A task as a Docker container: non-root by its image, limits, credentials by private environment."""
    from airflow.providers.docker.exceptions import DockerContainerFailedException
    from airflow.providers.docker.operators.docker import DockerOperator
    from docker.types import DeviceRequest

    class DockerTask(PipelineTask, DockerOperator):
        """A task as a Docker container."""

        template_fields = PipelineTask.template_fields

        def runner(self) -> dict[str, Any]:
            """Image, limits and devices."""
            count = gpus(self.spec)
            return {
                "image": container_image(self.spec),
                "private_environment": portable_environment(),
                "mem_limit": f"{self.spec.memory_gb}g",
                "cpus": cpus(),
                "device_requests": [DeviceRequest(count=count, capabilities=[["gpu"]])] if count else None,
                "network_mode": os.environ.get("PIPELINE_DOCKER_NETWORK", "host"),
                "auto_remove": "force",
                "mount_tmp_dir": False,
                "skip_on_exit_code": STOPPED,
            }

        def fill(self, argv: list[str]) -> None:
            """The words after the image's entrypoint, `python -m tasks`."""
            self.command = argv

        def execute(self, context: Context) -> None:
            """Run it; bad input is not retried."""
            try:
                super().execute(context)
            except DockerContainerFailedException as error:
                found = re.search(r"\{.*\}", str(error))
                judge(self.spec.name, int(ast.literal_eval(found[0])["StatusCode"]) if found else 1)

    return DockerTask


def kubernetes_task() -> type[PipelineTask]:
    """A task as a Kubernetes pod: non-root, credentials from the Secret that `PIPELINE_SECRET` names."""
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from kubernetes.client import models as k8s

    class KubernetesTask(PipelineTask, KubernetesPodOperator):
        """A task as a Kubernetes pod."""

        template_fields = PipelineTask.template_fields

        def runner(self) -> dict[str, Any]:
            """Image, resources and environment."""
            limits = {"memory": f"{self.spec.memory_gb}Gi"}
            if count := gpus(self.spec):
                limits["nvidia.com/gpu"] = str(count)
            plain = {n: v for n, v in portable_environment().items() if not SECRET.fullmatch(n)}
            secret = k8s.V1SecretEnvSource(name=os.environ.get("PIPELINE_SECRET", "pipeline-store"))
            return {
                "name": self.spec.name.replace("_", "-"),
                "namespace": os.environ.get("PIPELINE_NAMESPACE"),
                "image": container_image(self.spec),
                "env_vars": plain,
                "env_from": [k8s.V1EnvFromSource(secret_ref=secret)],
                "container_resources": k8s.V1ResourceRequirements(
                    requests={"cpu": str(cpus()), "memory": limits["memory"]}, limits=limits
                ),
                "container_security_context": k8s.V1SecurityContext(
                    run_as_non_root=True,
                    allow_privilege_escalation=False,
                    capabilities=k8s.V1Capabilities(drop=["ALL"]),
                ),
                "get_logs": True,
                "skip_on_exit_code": STOPPED,
            }

        def fill(self, argv: list[str]) -> None:
            """The words after the image's entrypoint, `python -m tasks`."""
            self.arguments = argv

        def cleanup(self, pod: Any, remote_pod: Any, *args: Any, **kwargs: Any) -> None:
            """As ever, but bad input is not retried."""
            try:
                super().cleanup(pod, remote_pod, *args, **kwargs)
            except AirflowSkipException:
                raise
            except AirflowException:
                statuses = (
                    remote_pod.status.container_statuses if remote_pod and remote_pod.status else None
                ) or []
                ended = [
                    s.state.terminated for s in statuses if s.name == self.base_container_name and s.state
                ]
                if any(end and end.exit_code == BAD_INPUT for end in ended):
                    judge(self.spec.name, BAD_INPUT)
                raise

    return KubernetesTask


RUNNERS = {"process": lambda: ProcessTask, "docker": docker_task, "kubernetes": kubernetes_task}


def __getattr__(name: str) -> Any:
    """`Task`: the operator of the runner that `PIPELINE_RUNNER` names, made once and kept."""
    if name != "Task":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    runner = os.environ.get("PIPELINE_RUNNER", "process")
    if runner not in RUNNERS:
        raise AirflowException(f"PIPELINE_RUNNER must be one of {', '.join(RUNNERS)}, found {runner!r}")
    module = sys.modules[__name__]
    module.Task = RUNNERS[runner]()
    return module.Task

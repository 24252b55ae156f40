"""The parts of the stack: what each is started with, what it waits for, and when it is ready."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.local import airflow, environments, seaweed
from infra.local.env import BUCKET, credentials, whole_environment
from infra.local.ports import HOST
from infra.local.settings import Settings


def always() -> bool:
    """Ready as soon as it runs."""
    return True


@dataclass(frozen=True)
class Component:
    """One process of the stack."""

    name: str
    title: str
    command: list[str]
    env: dict[str, str]
    is_ready: Callable[[], bool] = always
    after: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """What it needs, but does not wait for."""
    address: str = ""
    once: bool = False
    """It runs to its end; what comes after it waits for that."""
    timeout_s: float = 240.0
    uses: tuple[str, ...] = ()
    """The environments (dependency sets) it needs."""


def answers(url: str) -> bool:
    """Whether an HTTP server answers, whatever it says."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(url, timeout=2).close()
    except urllib.error.HTTPError as refusal:
        return refusal.code < 500
    except OSError:
        return False
    return True


def python(name: str, module: str, *arguments: str | Path | int) -> list[str]:
    """The command line of a module of ours in one environment."""
    return [str(environments.python_of(name)), "-m", module, *map(str, arguments)]


def storage(settings: Settings) -> Component:
    """SeaweedFS, with the bucket."""
    port, keys = settings.ports["s3"], credentials(settings)
    data = settings.folder / "s3"
    return Component(
        "s3",
        "Object storage",
        [str(word) for word in seaweed.command(data, port, BUCKET)],
        seaweed.environment(keys),
        lambda: seaweed.is_ready(port, BUCKET, keys),
        address=settings.url("s3"),
        uses=("airflow",),
    )


def reports(settings: Settings) -> Component:
    """The reports on data quality, in a browser."""
    serve, url = (
        python("terrain", "infra.local.reports", "--port", settings.ports["reports"]),
        settings.url("reports"),
    )
    return Component(
        *("reports", "Data quality", serve, whole_environment(settings), lambda: answers(url)),
        after=("s3",),
        address=f"{url}/",
        uses=("terrain",),
    )


def sample(settings: Settings) -> list[Component]:
    """The sample quadrangle and the stand-ins for the elevation and inventory services."""
    data, env = settings.folder / "data" / "sample", whole_environment(settings)
    make = python("terrain", "infra.sample.quadrangle", "--out", data)
    serve = python("terrain", "infra.sample.service", "--data", data, "--port", settings.ports["sample"])
    url, made = settings.url("sample"), (data / "metadata.json").exists()  # its last file
    service = Component(
        *("sample", "Sample services", serve, env, lambda: answers(url)),
        after=() if made else ("sample-data",),
        address=url,
        uses=("terrain",),
    )
    maker = Component("sample-data", "Sample data", make, env, once=True, uses=("terrain",))
    return [service] if made else [maker, service]


def serving(settings: Settings) -> list[Component]:
    """The model server, and the sync that fills it from object storage."""
    env, rest = whole_environment(settings), f"{HOST}:{settings.ports['rest']}"
    grpc = f"{HOST}:{settings.ports['grpc']}"
    where = ("--root", settings.models, "--config", settings.model_config)
    server = python("tensorflow", "serving.model_server", *where, "--grpc", grpc, "--rest", rest)
    sync = python("terrain", "serving.sync", *where, "--interval", 2)
    return [
        Component(
            *("model-server", "Model server", server, env, lambda: answers(settings.url("rest"))),
            address=f"{settings.url('rest')}, gRPC {grpc}",
            uses=("tensorflow",),
        ),
        Component("sync", "Model sync", sync, env, after=("s3", "model-server"), uses=("terrain",)),
    ]


def orchestration(settings: Settings) -> list[Component]:
    """Airflow's parts. The database is brought up to date only when the airflow set has changed."""
    env, program = airflow.environment(settings), str(environments.python_of("airflow").parent / "airflow")
    current = airflow.migrated(settings) == environments.fingerprint("airflow")
    before = () if current else ("airflow-db",)

    def part(name: str, *options: str, health: str, after: tuple[str, ...] = ()) -> Component:
        return Component(
            *(f"airflow-{name}", f"Airflow {name}", [program, name, *options], env),
            is_ready=lambda: airflow.is_well(settings, health),
            after=before + after,
            beside=("airflow-api",),  # its health is asked there
            uses=("airflow",),
        )

    api = Component(
        *("airflow-api", "Airflow", [program, "api-server"], env, lambda: airflow.is_served(settings)),
        after=before,
        address=settings.url("airflow"),
        uses=("airflow",),
    )
    # What a task that is due needs before it can run; models are served long before there is one.
    work = ("airflow-api", "s3", "sample")
    parts = [
        api,
        part("dag-processor", health="dag_processor"),
        part("triggerer", "--skip-serve-logs", health="triggerer"),
        part("scheduler", "--skip-serve-logs", health="scheduler", after=work),
    ]
    if current:
        return parts
    migrate = Component(
        *("airflow-db", "Airflow database", [program, "db", "migrate"], env),
        once=True,
        uses=("airflow",),
    )
    return [migrate, *parts]


def components(settings: Settings) -> list[Component]:
    """All parts, in the order they are shown."""
    return [
        storage(settings),
        reports(settings),
        *sample(settings),
        *serving(settings),
        *orchestration(settings),
    ]


def chosen(parts: list[Component], names: list[str]) -> list[Component]:
    """The named parts and what they need; all when none is named. Raises `KeyError` for an unknown name."""
    if not names:
        return parts
    by_name = {part.name: part for part in parts}
    wanted, queue = set[str](), list(names)
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted.add(name)
            queue += (name for name in by_name[name].after + by_name[name].beside if name in by_name)
    return [part for part in parts if part.name in wanted]

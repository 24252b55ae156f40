"""The environment that leads a command to the local stack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.local import environments, seaweed
from infra.local.ports import HOST
from infra.local.settings import PORTS, Settings, keys

BUCKET = "landslides"
STORE = f"s3://{BUCKET}/pipeline"
SHIPPED = environments.ROOT / "dags" / "config"


def credentials(settings: Settings) -> seaweed.Credentials:
    """The stack's keys to its object storage."""
    secret = keys(settings.folder)
    return seaweed.Credentials(secret["S3_ACCESS_KEY"], secret["S3_SECRET_KEY"])


def config_folder(settings: Settings) -> Path:
    """The shipped configuration; where the sample services have another port, the copy that says so."""
    moved = settings.ports["sample"] != PORTS["sample"]
    return settings.folder / "config" if moved else SHIPPED


def write_config(settings: Settings) -> None:
    """Make that copy afresh, where one is needed: as the stack starts, before anything reads it."""
    goal = config_folder(settings)
    if goal == SHIPPED:
        return
    shutil.rmtree(goal, ignore_errors=True)
    shutil.copytree(SHIPPED, goal)
    for region in (goal / "regions").glob("*.toml"):
        text = region.read_text().replace(f"http://{HOST}:{PORTS['sample']}/", f"{settings.url('sample')}/")
        region.write_text(text)


def environment(settings: Settings) -> dict[str, str]:
    """What a task or a client of the stack needs, and nothing else."""
    return {
        **credentials(settings).environment(),
        "AWS_ENDPOINT_URL": settings.url("s3"),
        "AWS_DEFAULT_REGION": seaweed.REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PIPELINE_STORE": STORE,
        "PIPELINE_RUNNER": "process",
        "PIPELINE_CONFIG": os.environ.get("PIPELINE_CONFIG") or str(config_folder(settings)),
        "PIPELINE_DATA": str(settings.data),
        "PIPELINE_PRIVATE_HOSTS": HOST,  # the stand-in services
        "PIPELINE_ENVS": str(environments.folder()),
        "PIPELINE_LOCAL": str(settings.folder),
        "PIPELINE_SERVING_GRPC": f"{HOST}:{settings.ports['grpc']}",
        "PIPELINE_SERVING_REST": settings.url("rest"),
        "PYTHONPATH": str(environments.ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",  # training progress, not how TensorFlow was built
    }


def whole_environment(settings: Settings, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The inherited environment with the stack's put over it: no other account's keys, no proxy for loopback."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(("AWS_", "AIRFLOW_"))}
    for name in ("no_proxy", "NO_PROXY"):
        kept[name] = ",".join(filter(None, (kept.get(name), HOST, "localhost")))
    ports = {f"PIPELINE_PORT_{service.upper()}": str(port) for service, port in settings.ports.items()}
    bundle = {name: value for name, value in inherited.items() if name == "AWS_CA_BUNDLE"}
    return kept | bundle | ports | environment(settings) | {"PYTHONUNBUFFERED": "1"}

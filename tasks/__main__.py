"""The one entry: `python -m tasks NAME --take input=ref --make output=ref --given name=value`."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import time
import traceback
from types import FrameType

from tasks.contract.config import Config
from tasks.contract.errors import PipelineError, Stopped
from tasks.contract.spec import load_spec

log = logging.getLogger("tasks")


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tasks", description=__doc__)
    parser.add_argument("name", help="the task")
    for option, value in (("--take", "INPUT=REF"), ("--make", "OUTPUT=REF"), ("--given", "NAME=VALUE")):
        kind = _given if option == "--given" else _pair
        parser.add_argument(option, metavar=value, action="append", default=[], type=kind)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run one task; the exit code says how it ended (see `tasks.contract.errors`)."""
    words = parse(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _leave)
    begun = time.monotonic()
    try:
        from tasks.runner import run_task
        from tasks.store import open_store

        takes: dict[str, list[str]] = {}
        for name, ref in words.take:
            takes.setdefault(name, []).append(ref)
        run_task(load_spec(words.name), takes, dict(words.make), dict(words.given), open_store(), Config())
    except PipelineError as error:
        word = "stopped" if isinstance(error, Stopped) else "failed"
        log.error("%s: %s: %s", words.name, word, error)
        if os.environ.get("PIPELINE_DEBUG"):
            traceback.print_exc()
        return error.exit_code
    log.info("%s: done in %.1f s", words.name, time.monotonic() - begun)
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise argparse.ArgumentTypeError(f"expected name=value, found {text!r}")
    return name, value


def _given(text: str) -> tuple[str, str]:
    """As `_pair`; a field that a person left empty in a form is a value too."""
    return (text[:-1], "") if re.fullmatch(r"\w+=", text) else _pair(text)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

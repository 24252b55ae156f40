"""The stack's command line: python -m infra.local up | down | status | run -- COMMAND."""

from __future__ import annotations

import argparse
import os
import sys

from infra.local import airflow, stack
from infra.local.components import components
from infra.local.settings import Settings, StackFailed


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="The stack on this machine.")
    actions = parser.add_subparsers(dest="action", required=True)
    start = actions.add_parser("up", help="start the stack and wait until it is ready")
    start.add_argument("--only", default="", metavar="PART,...", help="these parts, and what they wait for")
    actions.add_parser("down", help="stop it; the data stays")
    actions.add_parser("status", help="show the parts; exit code 3 when one is not running")
    run = actions.add_parser("run", help="run a command in the environment of the tasks and of Airflow")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    return parser.parse_args()


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def start(settings: Settings, only: str) -> int:
    """The `up` command."""
    names = [name for name in only.split(",") if name]
    known = {part.name for part in components(settings)}
    if unknown := set(names) - known:
        raise StackFailed(
            f"No part is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        )
    stack.up(settings, names, say)
    return 0


def run(settings: Settings, words: list[str]) -> int:
    """The `run` command: become the command."""
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise StackFailed("Name a command: python -m infra.local run -- COMMAND")
    try:
        os.execvpe(command[0], command, airflow.environment(settings))
    except OSError as error:
        raise StackFailed(f"Cannot run {command[0]}: {error.strerror}") from error


def main() -> int:
    """Run one command; what a person can mend ends as one sentence and exit code 1."""
    arguments = parse()
    try:
        settings = Settings.of(os.environ)
        if arguments.action == "up":
            return start(settings, arguments.only)
        if arguments.action == "down":
            say("Stopped." if stack.down(settings) else "The stack was not running.")
            return 0
        if arguments.action == "status":
            table, well = stack.status(settings)
            say(table)
            return 0 if well else 3
        return run(settings, arguments.command)
    except StackFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what had been started is stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""Creates the virtual environments, one per dependency set, from the hashed locks under docker/.

Standard library only: this file runs on a bare Python 3.11, before anything is installed.

    python infra/local/environments.py build [SET ...]     install what is missing or out of date
    python infra/local/environments.py lock [SET ...]      resolve docker/<set>/requirements.in again
"""

from __future__ import annotations

import sys

if sys.version_info[:2] != (3, 11):  # before anything that an older Python might not parse or import
    sys.exit(
        "Python 3.11 is needed, this is {}.{} ({}). Install Python 3.11 and name it: make PYTHON=python3.11".format(
            *sys.version_info[:2], sys.executable
        )
    )

import argparse
import ast
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETS = ("terrain", "tensorflow", "airflow", "augment", "check")
SIZE_GB = {"terrain": 1.2, "tensorflow": 2.3, "airflow": 1.0, "augment": 0.7, "check": 0.2}
"""Disk that a set takes, wheels in the cache included, rounded up."""

CAUSES = (
    (r"no space left|disk quota", "the disk is full; free some space and run the same command again"),
    (
        r"hash mismatch|hashes",
        "a download does not have the locked hash; check the package index, or run make locks",
    ),
    (
        r"dns error|lookup address|error sending request|connect|timed out|timeout|certificate|tls|failed to fetch"
        r"|failed to download|name resolution|retries exceeded|unreachable|no matching distribution",
        "a download failed; check the network (and the proxy or package index that pip is configured for), "
        "then run the same command again: what has arrived is kept",
    ),
)


class Failure(Exception):
    """One sentence for the person at the terminal."""


_terminal = threading.Lock()


def say(text: str) -> None:
    """Print one line at once, whole, also from several threads."""
    with _terminal:
        print(text, flush=True)


def folder() -> Path:
    """The folder that holds the environments: PIPELINE_ENVS, or .envs in the repository."""
    return Path(os.environ.get("PIPELINE_ENVS") or ROOT / ".envs").absolute()


def python_of(name: str) -> Path:
    """The interpreter of a set. It exists once the set has been built."""
    return folder() / name / "bin" / "python"


def fingerprint(name: str) -> str:
    """Hash of a set's lock and of the interpreter version: what makes an environment out of date."""
    lock = (ROOT / "docker" / name / "requirements.txt").read_bytes()
    return hashlib.sha256(lock + sys.version.split()[0].encode()).hexdigest()


def is_complete(name: str) -> bool:
    """Whether the set was installed to the end, from the lock as it is now."""
    mark = folder() / name / ".complete"
    return mark.is_file() and mark.read_text().strip() == fingerprint(name) and python_of(name).exists()


def pip_settings(python: Path) -> dict[str, str]:
    """What pip is configured with on this machine (`pip config list`), by option; the environment wins."""
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    rank = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listed.splitlines():
        key, _, quoted = line.partition("=")
        scope, _, option = key.rpartition(".")
        if scope in rank and rank[scope] >= found.get(option, (-1, ""))[0]:
            found[option] = (rank[scope], str(ast.literal_eval(quoted)))
    return {option: value for option, (_, value) in found.items()}


def uv_environment(*, extra_indexes: bool) -> dict[str, str]:
    """The environment for uv, which does not read pip's configuration: index, certificates and proxy go along."""
    pip = pip_settings(python_of("tools"))
    translated = {
        "UV_DEFAULT_INDEX": pip.get("index-url"),
        "SSL_CERT_FILE": pip.get("cert"),
        "ALL_PROXY": pip.get("proxy"),
        "UV_INSECURE_HOST": pip.get("trusted-host"),
        "UV_HTTP_TIMEOUT": pip.get("timeout") or pip.get("default-timeout"),
    }
    if extra_indexes:
        translated["UV_INDEX"] = pip.get("extra-index-url")
        translated["UV_FIND_LINKS"] = ",".join((pip.get("find-links") or "").split()) or None
        # As pip does: every index is asked. The locked hashes decide what is accepted.
        translated["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    given = {name: value for name, value in translated.items() if value}
    return given | dict(os.environ) | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def explain(what: str, log: Path) -> Failure:
    """Turn the end of an installer's log into one sentence, with the log's last lines beneath."""
    text = log.read_text(errors="replace")
    advice = next(
        (a for pattern, a in CAUSES if re.search(pattern, text, re.I)), "read the log for the reason"
    )
    tail = "\n".join("    " + line for line in text.strip().splitlines()[-6:])
    return Failure(f"{what} failed: {advice} (log: {log})\n{tail}")


def call(what: str, command: list[str | Path], log: Path, env: dict[str, str] | None = None) -> None:
    """Run an installer with its output in `log`; raise `Failure` with the cause when it fails."""
    with log.open("w") as sink:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=env, cwd=ROOT
        ).returncode
    if code:
        raise explain(what, log)


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a set's lock, so that two makes at once do not install into the same folder."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / f".{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name:<11} another make is installing this set, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def check_disk(names: list[str]) -> None:
    """Refuse to start when the disk cannot hold what is missing."""
    root = folder()
    root.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(root).free / 1e9, sum(SIZE_GB.get(name, 0.1) for name in names)
    if free < needed + 0.5:
        raise Failure(
            f"The disk of {root} has {free:.1f} GB free, the environments still need about {needed:.1f} GB "
            "and some room to work: free some space, or set PIPELINE_ENVS to a folder on a larger disk."
        )


def build_tools() -> None:
    """The bootstrap: a plain venv with the pinned uv in it."""
    with locked("tools"):
        if is_complete("tools"):
            return
        target, log = folder() / "tools", folder() / "tools.log"
        shutil.rmtree(target, ignore_errors=True)
        try:
            call("Creating the bootstrap environment", [sys.executable, "-m", "venv", target], log)
        except Failure as failure:
            if "ensurepip" in log.read_text(errors="replace"):
                raise Failure(
                    f"{sys.executable} has no venv module: install it (Debian: python3-venv)"
                ) from failure
            raise
        lock = ROOT / "docker" / "tools" / "requirements.txt"
        call(
            "Installing uv", [python_of("tools"), "-m", "pip", "install", "--require-hashes", "-r", lock], log
        )
        (target / ".complete").write_text(fingerprint("tools") + "\n")


def build(name: str) -> None:
    """Install one set. Its mark is written last, so that an interrupted install never looks complete."""
    with locked(name):
        if is_complete(name):
            return
        started = time.monotonic()
        target, log = folder() / name, folder() / f"{name}.log"
        uv, env = python_of("tools").parent / "uv", uv_environment(extra_indexes=True)
        lock = ROOT / "docker" / name / "requirements.txt"
        packages = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
        say(f"{name:<11} installing {packages} packages")
        mark = target / ".complete"
        if mark.is_file() and python_of(name).exists() and not is_complete(name):
            mark.unlink()  # whole, but from an older lock: bring it up to date in place
        else:
            call(f"Creating {name}", [uv, "venv", "--clear", "--python", sys.executable, target], log, env)
        sync: list[str | Path] = [uv, "pip", "sync", "--require-hashes", "--python", python_of(name), lock]
        call(f"Installing {name}", sync, log, env)
        mark.write_text(fingerprint(name) + "\n")
        say(f"{name:<11} ready, {time.monotonic() - started:.0f} s")


def build_all(names: list[str]) -> None:
    """Install every set that is missing, two at a time; say nothing when all are there."""
    missing = [name for name in names if not is_complete(name)]
    if not missing:
        return
    started = time.monotonic()
    check_disk(missing)
    say(f"Creating environments in {folder()}: {', '.join(missing)}")
    build_tools()
    with ThreadPoolExecutor(2) as pool:
        jobs: list[Future[None]] = [pool.submit(build, name) for name in missing]
        done, waiting = wait(jobs, return_when=FIRST_EXCEPTION)
        for job in waiting:
            job.cancel()
        for job in done:
            job.result()
    say(f"Environments ready, {time.monotonic() - started:.0f} s")


def lock_all(names: list[str]) -> None:
    """Resolve the requirements of each set into its lock: hashes, no address, no comment that differs by machine."""
    build_tools()
    env = uv_environment(extra_indexes=False)
    for name in names:
        home = ROOT / "docker" / name
        overrides = home / "overrides.txt"
        options = ["--universal", "--generate-hashes", "--python-version", "3.11"]
        options += [
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--no-header",
            "--no-annotate",
            "--upgrade",
        ]
        options += ["--overrides", str(overrides)] if overrides.exists() else []
        files = [str(home / "requirements.in"), "-o", str(home / "requirements.txt")]
        uv = str(python_of("tools").parent / "uv")
        call(f"Locking {name}", [uv, "pip", "compile", *options, *files], folder() / f"{name}.lock.log", env)
        say(f"{name:<11} locked")


def main() -> int:
    """Parse the command line; failures end as one sentence and exit code 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("action", choices=("build", "lock"))
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all when none is named"
    )
    chosen = parser.parse_args()
    unknown = set(chosen.sets) - {*SETS, "tools"}
    if unknown:
        parser.error(f"no such set: {', '.join(sorted(unknown))}")
    names = chosen.sets or list(SETS)
    try:
        if chosen.action == "build":
            build_all(names)
        else:
            lock_all(names)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

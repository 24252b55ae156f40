"""Runs the tests once in each environment; the root conftest collects what belongs there.

    python -m infra.local.suites [PATH ...] [-- PYTEST OPTIONS]

All environments always run. The last line sums them up; an environment without a test is a failure, unless only
a part of the tests was asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from infra.local import environments
from infra.local.homes import belongs

SETS = ("terrain", "airflow", "augment", "tensorflow")
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Outcome:
    """What one environment's run came to."""

    name: str
    code: int
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def is_bad(self, *, all_asked: bool) -> bool:
        """Whether the run fails the whole."""
        return self.code != 0 and (all_asked or self.code != NOTHING_COLLECTED)


def run(name: str, paths: list[str], options: list[str]) -> Outcome:
    """Run pytest in one environment, its output on the terminal, its counts from the JUnit report."""
    env = os.environ | {"PYTHONPATH": str(environments.ROOT), "PYTHONUNBUFFERED": "1"}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        command = [
            str(environments.python_of(name)),
            "-m",
            "pytest",
            f"--junitxml={report}",
            *options,
            *paths,
        ]
        code = subprocess.run(command, cwd=environments.ROOT, env=env).returncode
        counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        if report.exists():
            for suite in ElementTree.parse(report).getroot().iter("testsuite"):
                counts = {key: counts[key] + int(suite.get(key, 0)) for key in counts}
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - failed - counts["skipped"]
    return Outcome(name, code, time.monotonic() - started, passed, failed, counts["skipped"])


def folder_of(path: str) -> Path:
    """The folder of a path on the command line, which may name one test (`file::test`)."""
    found = (environments.ROOT / path.partition("::")[0]).resolve()
    return found if found.is_dir() else found.parent


def main(argv: list[str]) -> int:
    """Run all sets, print a line for each and the sum; exit code 1 when one of them failed."""
    cut = argv.index("--") if "--" in argv else len(argv)
    paths, options = argv[:cut] or ["tests"], argv[cut + 1 :]
    all_asked = paths == ["tests"] and not options
    outcomes = []
    for name in SETS:
        ours = [path for path in paths if belongs(folder_of(path), name)]
        if ours:
            print(f"\n===== {name} =====", flush=True)
            outcomes.append(run(name, ours, options))
    print()
    for one in outcomes:
        ending = {0: "passed", NOTHING_COLLECTED: "no test collected"}.get(
            one.code, f"failed, exit code {one.code}"
        )
        print(f"{one.name:<11} {one.passed:>4} tests passed in {one.seconds:4.0f} s: {ending}")
    passed, failed = sum(one.passed for one in outcomes), sum(one.failed for one in outcomes)
    bad = [one.name for one in outcomes if one.is_bad(all_asked=all_asked)] or (
        [] if passed + failed else ["all"]
    )
    if bad:
        print(f"Failed: {', '.join(bad)}")
    print(f"{passed} passed, {failed} failed, {sum(one.skipped for one in outcomes)} skipped")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

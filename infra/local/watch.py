"""Follow the DAG runs that one run sets off, over Airflow's REST API, and say what happens as it happens."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

from infra.local import airflow
from infra.local.settings import Settings, StackFailed

LISTENERS = {"inputs": "dataset", "dataset": "train", "candidate": "release", "model": "predict"}
"""Event -> the DAG that starts when it is announced."""
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
ATTEMPTS = 8
POLL_S, PATIENCE_S, QUIET_S = 1.0, 180.0, 20.0
TELLING = (
    "made:",
    "up to date",
    "adopted:",
    "accepted:",
    "announced",
    "pinned",
    "pushed",
    "promoted",
    "quarantined:",
    "stopped:",
    "failed:",
)
NO_NEWS = ("no reason given", "nothing to quarantine", "names no layers")
"""Why a task that most runs have no use for was skipped."""


@dataclass
class Run:
    """One DAG run that is followed."""

    dag: str
    run_id: str
    partition: str
    told: dict[tuple[str, int], str] = field(default_factory=dict)
    last_word: float = field(default_factory=time.monotonic)
    state: str = "queued"


class Watch:
    """Everything that one triggered run sets off, until nothing more is to come."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings, self.say = settings, say
        self.begun = time.monotonic()
        self.token, self.token_until = "", 0.0
        self.runs: list[Run] = []
        self.expected: dict[tuple[str, str], float] = {}
        self.seen: set[tuple[str, str]] = set()

    def follow(self, dag: str, conf: dict[str, Any], partition: str) -> bool:
        """Trigger a run and follow it and all that it sets off; whether nothing failed."""
        for listener in LISTENERS.values():
            self.seen |= {(listener, run["dag_run_id"]) for run in self._recent(listener)}
        run_id = f"by-hand__{datetime.now(UTC).isoformat(timespec='milliseconds')}"
        self._call(f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf, "dag_run_id": run_id})
        self.runs.append(Run(dag, run_id, partition))
        while True:
            for run in self.runs:
                if run.state not in ("success", "failed"):
                    self._look(run)
            self._find_expected()
            if not self.expected and all(run.state in ("success", "failed") for run in self.runs):
                return all(run.state == "success" for run in self.runs)
            time.sleep(POLL_S)

    def _look(self, run: Run) -> None:
        where = f"/api/v2/dags/{run.dag}/dagRuns/{quote(run.run_id, safe='')}"
        state = self._call(where)["state"]
        tasks = self._call(f"{where}/taskInstances?limit=200")["task_instances"]
        for task in sorted(tasks, key=lambda t: t["end_date"] or "~"):
            self._tell(run, task)
        if state != run.state:
            run.state = state
            if state == "failed":
                self._line(f"{run.dag} ({run.partition})", "failed", "")

    def _tell(self, run: Run, task: dict[str, Any]) -> None:
        place, state = (task["task_id"], task["map_index"]), task["state"] or ""
        now = time.monotonic()
        if state == "running" and now - run.last_word > QUIET_S:
            run.last_word = now
            words = list(self._log(run, task))
            self._line(self._title(run, task), "running", words[-1] if words else "")
        if state not in ENDED or run.told.get(place) == state:
            return
        run.told[place], run.last_word = state, now
        if task["operator"] in ("_PythonDecoratedOperator", "_BranchPythonDecoratedOperator"):
            return
        if state in ("removed", "upstream_failed") or (state == "skipped" and not task["start_date"]):
            return
        words = [line for line in self._log(run, task) if any(sign in line for sign in TELLING)]
        word = words[-1] if words else ""
        if state == "skipped" and (not word or any(reason in word for reason in NO_NEWS)):
            return  # a branch not taken, or one for rare cases
        self._line(self._title(run, task), state, f"{task['duration'] or 0:5.1f} s  {word}")
        event = (task["rendered_fields"].get("given") or {}).get("event")
        if state == "success" and event:
            self.expected[LISTENERS[event], str(task["rendered_fields"]["partition"])] = now

    def _find_expected(self) -> None:
        for (dag, partition), since in list(self.expected.items()):
            for found in self._recent(dag):
                if found["partition_key"] == partition and (dag, found["dag_run_id"]) not in self.seen:
                    self.seen.add((dag, found["dag_run_id"]))
                    self.runs.append(Run(dag, found["dag_run_id"], partition))
                    del self.expected[dag, partition]
                    break
            else:
                if time.monotonic() - since > PATIENCE_S:
                    raise StackFailed(
                        f"Airflow did not start {dag} for {partition} within {PATIENCE_S:.0f} s of its announcement; "
                        f"see {self.settings.logs}"
                    )

    def _title(self, run: Run, task: dict[str, Any]) -> str:
        names = task.get("rendered_fields", {}).get("names") or {}
        each = [
            str(v)
            for n, v in names.items()
            if n in ("region", "model", "recipe", "partition") and v != run.partition
        ]
        mapped = f" [{each[-1]}]" if each and task["map_index"] >= 0 else ""
        return f"{run.dag} ({run.partition})  {task['task_id'].rpartition('.')[2]}{mapped}"

    def _log(self, run: Run, task: dict[str, Any]) -> Iterator[str]:
        where = (
            f"/api/v2/dags/{run.dag}/dagRuns/{quote(run.run_id, safe='')}/taskInstances/{task['task_id']}"
            f"/logs/{max(task['try_number'], 1)}?map_index={task['map_index']}"
        )
        try:
            content = self._call(where)["content"]
        except StackFailed:
            return  # a log that cannot be read is no reason to stop following
        for line in content:
            event = str(line.get("event", "") if isinstance(line, dict) else line).strip()
            if event and not event.startswith(
                ("::", "Tmp dir", "Running command", "Output:", "Command exited")
            ):
                yield event

    def _recent(self, dag: str) -> list[dict[str, Any]]:
        query = urlencode({"order_by": "-run_after", "limit": 25})
        found: list[dict[str, Any]] = self._call(f"/api/v2/dags/{dag}/dagRuns?{query}")["dag_runs"]
        return found

    def _call(self, path: str, body: object = None) -> Any:
        """Call the API; a loaded machine may be slow, so questions are asked again. A trigger is safe to repeat."""
        problem = ""
        for attempt in range(ATTEMPTS):
            try:
                if time.monotonic() > self.token_until:
                    self.token, self.token_until = airflow.token(self.settings), time.monotonic() + 600
                return airflow.request(self.settings, path, body, self.token)
            except urllib.error.HTTPError as refusal:
                if refusal.code == 409 and body is not None and attempt:
                    return body  # the call before this one had arrived
                problem = f"{refusal.code} {refusal.read(300).decode(errors='replace')}"
                if refusal.code < 500:
                    break
            except (OSError, HTTPException) as error:
                problem = str(error)
            time.sleep(1 + attempt)
        raise StackFailed(
            f"Airflow does not answer {path.partition('?')[0]}: {problem}. See {self.settings.logs}"
        )

    def _line(self, title: str, state: str, word: str) -> None:
        self.say(f"[{time.monotonic() - self.begun:5.0f} s]  {title:<52} {state:<8} {word}"[:200])

"""Run one DAG in this process by `dag.test()`: python run_dag.py DAG [param=value ...]; prints each task's state."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

if __name__ == "__main__":
    name, *pairs = sys.argv[1:]
    bag = DagBag(str(Path(__file__).resolve().parents[2] / "dags" / f"{name}.py"))
    assert not bag.import_errors, bag.import_errors
    conf = dict(pair.split("=", 1) for pair in pairs)
    run = bag.dags[name].test(
        run_conf={k: json.loads(v) if v[:1] in "[{0123456789" else v for k, v in conf.items()}
    )
    for task in run.get_task_instances():
        print(
            "STATE", f"{task.task_id}[{task.map_index}]" if task.map_index >= 0 else task.task_id, task.state
        )

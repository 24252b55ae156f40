"""### Release: a candidate goes into service, or an older version comes back

One run is one model. The candidate is pushed as `canary`, compared with itself through the model server on golden
tiles, and only then `stable` moves to it; else it is withdrawn. Announces **model** (partition: the model) to
`predict`. To roll back, start it by hand with the version that shall be stable again.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, task

from pipeline_assets import CANDIDATE, MODEL
from pipeline_tasks import Task
from tasks.contract.config import Config

NAME = "{{ dag_run.partition_key or params.model }}"
RUN = "runs/{{ dag.dag_id }}/{{ run_id }}"

with DAG(
    "release",
    schedule=PartitionedAssetTimetable(assets=CANDIDATE),
    catchup=False,
    max_active_runs=4,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    params={
        "model": Param("scarps", enum=list(Config().models()), title="Model"),
        "version": Param(
            0,
            type="integer",
            minimum=0,
            title="Roll back to version",
            description="0 releases the candidate.",
        ),
    },
    doc_md=__doc__,
    tags=["landslides"],
):

    @task.branch
    def choose(version: str) -> str:
        """The candidate, or the way back."""
        return "roll_back" if int(version) else "pin"

    pin = Task(task_id="pin", makes={"pinned": f"{RUN}/candidate"}, given={"candidate": NAME})
    pin_data = Task(task_id="pin_data", does="pin", makes={"pinned": f"{RUN}/data"}, given={"model": NAME})
    push = Task(
        task_id="push_model",
        takes={"model": f"{RUN}/candidate", "verdict": f"{RUN}/candidate"},
        given={"model": NAME},
    )
    verify = Task(
        task_id="verify_model",
        takes={"model": f"{RUN}/candidate", "tiles": f"{RUN}/data"},
        makes={"parity": f"{RUN}/parity"},
        given={"model": NAME},
    )
    promote = Task(task_id="promote", takes={"parity": f"{RUN}/parity"}, given={"model": NAME})
    roll_back = Task(
        task_id="roll_back", does="promote", given={"model": NAME, "version": "{{ params.version }}"}
    )
    announce = Task(
        task_id="announce",
        given={"event": "model", "partition": NAME},
        announces=MODEL,
        partition=NAME,
        trigger_rule="none_failed_min_one_success",
    )
    choose("{{ params.version }}") >> [pin, roll_back]
    pin >> pin_data >> push >> verify >> promote >> announce
    roll_back >> announce

"""### Ingest: what the outside says of each region, checked, then accepted as one

For every region: fetch the DEM and the landslide inventory, validate both, and only if both pass make them the
region's accepted inputs. Announces **inputs** (partition: the region) to `dataset` when a model of the region
has not yet dealt with exactly these. An unchanged source costs one poll.

Failed validation keeps the accepted inputs in use; the report says what failed.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param, task, task_group

from pipeline_assets import INPUTS
from pipeline_tasks import Task
from tasks.contract.config import Config

REGIONS = Config().regions()
RUN = "runs/{{ dag.dag_id }}/{{ run_id }}/{{ task.names.region }}"
RETRY = {"retries": 3, "retry_delay": timedelta(seconds=20), "retry_exponential_backoff": True}

with DAG(
    "ingest",
    schedule=CronTriggerTimetable(
        "15 3 * * *", timezone="UTC"
    ),  # no start date: nothing runs before its time
    catchup=False,
    max_active_runs=1,
    default_args=RETRY,
    params={
        "regions": Param(
            list(Config().scheduled_regions()),
            type="array",
            items={"type": "string", "enum": list(REGIONS)},
            title="Regions",
            description="Which regions to look at.",
        )
    },
    doc_md=__doc__,
    tags=["landslides"],
):

    @task
    def regions(params: dict) -> list[str]:
        """The regions to look at."""
        return list(params["regions"])

    @task_group(group_id="region")
    def ingest_region(name: str) -> None:
        """One region, from its sources to its accepted inputs."""
        given = {"region": name}
        dem = Task(task_id="ingest_dem", makes={"dem": f"{RUN}/dem"}, given=given, pool="sources")
        inventory = Task(
            task_id="ingest_inventory", makes={"inventory": f"{RUN}/inventory"}, given=given, pool="sources"
        )
        validate_dem = Task(
            task_id="validate_dem",
            does="validate",
            takes={"subject": f"{RUN}/dem"},
            makes={"report": f"{RUN}/dem-report"},
            given=given,
        )
        validate_inventory = Task(
            task_id="validate_inventory",
            does="validate",
            takes={"subject": f"{RUN}/inventory", "backdrop": f"{RUN}/dem"},
            makes={"report": f"{RUN}/inventory-report"},
            given=given,
        )
        accept = Task(
            task_id="accept",
            takes={
                "items": [f"{RUN}/{name}" for name in ("dem", "dem-report", "inventory", "inventory-report")]
            },
            makes={"accepted": "regions/{{ task.names.region }}/inputs"},
            names=given,
        )
        announce = Task(
            task_id="announce",
            given={"event": "inputs", "partition": name},
            announces=INPUTS,
            partition=name,
        )
        dem >> validate_dem >> accept >> announce
        [dem, inventory] >> validate_inventory >> accept

    ingest_region.expand(name=regions())

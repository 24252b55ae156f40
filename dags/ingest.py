"""### Ingest: what the outside says of each region, checked, then accepted as one

For every region: fetch the DEM, the landslide inventory and further layers, validate each, and only if all pass make
them the region's accepted inputs. Announces **inputs** (partition: the region) to `dataset` when a model of the region
has not yet dealt with exactly these. An unchanged source costs one poll.

What fails validation is put in **quarantine** and the inputs accepted before stay in use; the data-quality pages say
what failed and where. Where data are sound but unlike those before (an inventory that shrank, say), a person may accept
them: start this DAG for the region and give the reason under *Accept although it differs*.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param, task, task_group

from pipeline_assets import INPUTS
from pipeline_tasks import Task
from tasks.contract.config import Config

REGIONS = Config().regions()
RUN = "runs/{{ dag.dag_id }}/{{ run_id }}/{{ task.names.region }}"
WAIVER = "regions/{{ task.names.region }}/waiver"  # stays: what was accepted once is not asked about again
BY = "{{ dag_run.triggering_user_name or 'unknown' }}"
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
        ),
        "reason": Param(
            "",
            type="string",
            maxLength=500,
            title="Accept although it differs",
            description="Why what was held back is right, for the record. Empty: what is held back stays so.",
        ),
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
        accepted = "regions/{{ task.names.region }}/inputs"

        def fetched(what: str) -> Task:
            return Task(task_id=f"ingest_{what}", makes={what: f"{RUN}/{what}"}, given=given, pool="sources")

        def waived(what: str) -> Task:
            return Task(
                task_id=f"waive_{what}",
                does="waive",
                takes={"subject": f"{RUN}/{what}"},
                makes={"waiver": f"{WAIVER}.{what}"},
                given={**given, "reason": "{{ params.reason }}", "by": BY},
                names=given,
            )

        def validated(what: str, **more: str) -> Task:
            return Task(
                task_id=f"validate_{what}",
                does="validate",
                takes={"subject": f"{RUN}/{what}", "baseline": accepted, **more},
                makes={"report": f"{RUN}/{what}-report"},
                given=given,
                trigger_rule="none_failed" if "waiver" in more else "all_success",
            )

        dem, inventory, layers = (fetched(what) for what in ("dem", "inventory", "layers"))
        waive_dem, waive_inventory = waived("dem"), waived("inventory")
        validate_dem = validated("dem", waiver=f"{WAIVER}.dem")
        validate_inventory = validated("inventory", waiver=f"{WAIVER}.inventory", backdrop=f"{RUN}/dem")
        validate_layers = validated("layers")
        judged = [f"{RUN}/{what}{of}" for what in ("dem", "inventory") for of in ("", "-report")]
        judged_layers = [f"{RUN}/layers", f"{RUN}/layers-report"]
        accept = Task(
            task_id="accept",
            takes={"items": judged, "layers": judged_layers},
            makes={"accepted": accepted},
            names=given,
            trigger_rule="none_failed",  # a region without layers skips them
        )
        quarantine = Task(
            task_id="quarantine",
            takes={"items": judged + judged_layers},
            given={"run": "{{ run_id }}"},
            makes={"quarantined": "regions/{{ task.names.region }}/quarantine"},
            names=given,
            trigger_rule="all_done",
        )
        announce = Task(
            task_id="announce",
            given={"event": "inputs", "partition": name},
            announces=INPUTS,
            partition=name,
        )
        dem >> waive_dem >> validate_dem
        [dem, inventory] >> waive_inventory >> validate_inventory
        layers >> validate_layers
        checked = [validate_dem, validate_inventory, validate_layers]
        checked >> accept >> announce
        checked >> quarantine

    index_reports = Task(task_id="index_reports", trigger_rule="all_done")
    ingest_region.expand(name=regions()) >> index_reports

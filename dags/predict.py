"""### Predict: whole regions mapped by the released model

One run is one model; it maps each of the model's regions, or by hand any region whose inputs were accepted. The
probability comes from the model server, at the version that was stable when the run began, in windows with a halo
so that there are no seams. The map is a mask, polygons and a picture.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, task, task_group

from pipeline_assets import MODEL
from pipeline_tasks import Task
from tasks.contract.config import Config

NAME = "{{ dag_run.partition_key or params.model }}"
RUN = "runs/{{ dag.dag_id }}/{{ run_id }}"
HERE = RUN + "/{{ task.names.region }}"
EVERY = "all regions of the model"

with DAG(
    "predict",
    schedule=PartitionedAssetTimetable(assets=MODEL),
    catchup=False,
    max_active_runs=4,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    user_defined_macros={"recipe_of": Config().recipe_of},
    params={
        "model": Param("scarps", enum=list(Config().models()), title="Model"),
        "region": Param(EVERY, enum=[EVERY, *Config().regions()], title="Region"),
    },
    doc_md=__doc__,
    tags=["landslides"],
):

    @task
    def regions(model: str, region: str) -> list[str]:
        """The regions to map."""
        return list(Config().model(model)["regions"]) if region == EVERY else [region]

    @task_group(group_id="region")
    def map_region(name: str) -> None:
        """One region, from its accepted DEM to its map."""
        names = {"region": name}
        inputs = Task(task_id="pin", makes={"pinned": f"{HERE}/inputs"}, given={"region": name})
        derive = Task(
            task_id="derive_terrain",
            takes=dict.fromkeys(("dem", "report", "layers", "layers_report"), f"{HERE}/inputs"),
            makes={"stack": f"{HERE}/stack"},
            given={"recipe": "{{ recipe_of(dag_run.partition_key or params.model) }}"},
            names=names,
        )
        predict = Task(
            task_id="predict",
            takes={"model": f"{RUN}/release", "stack": f"{HERE}/stack"},
            makes={"probability": f"{HERE}/probability"},
            given={"model": NAME},
            names=names,
        )
        publish = Task(
            task_id="publish_map",
            takes={
                "probability": f"{HERE}/probability",
                "dem": f"{HERE}/inputs",
                "truth": f"regions/{{{{ task.names.region }}}}/dataset.{NAME}",
            },
            makes={"map": f"{HERE}/map"},
            given={"model": NAME},
            names=names,
        )
        accept = Task(
            task_id="accept",
            takes={
                "items": [f"{HERE}/probability", f"{HERE}/map"],
                "built_from": [f"{RUN}/release", f"{HERE}/stack"],
            },
            makes={"accepted": f"regions/{{{{ task.names.region }}}}/map.{NAME}"},
            names=names,
        )
        inputs >> derive >> predict >> publish >> accept

    release = Task(
        task_id="pin_release", does="pin", makes={"pinned": f"{RUN}/release"}, given={"released": NAME}
    )
    release >> map_region.expand(name=regions(NAME, "{{ params.region }}"))

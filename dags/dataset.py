"""### Data set: a region's accepted inputs become training data

One run is one region. Terrain bands and image tiles are made once per recipe, masks once per model. Nothing that
an unchanged input made before is computed again: a new landslide polygon leaves DEM, bands and images as they are.
Announces **dataset** (partition: the model) to `train` for each model that has not yet dealt with exactly these, and
**model** to `predict` where the released model has not mapped this ground yet.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, task, task_group

from pipeline_assets import DATASET, INPUTS
from pipeline_assets import MODEL as MODEL_RELEASED
from pipeline_tasks import Task
from tasks.contract.config import Config

REGION = "{{ dag_run.partition_key or params.region }}"
RUN = "runs/{{ dag.dag_id }}/{{ run_id }}"
INPUT = f"{RUN}/inputs"
RECIPE = RUN + "/{{ recipe_of(task.names.model) }}"
MODEL = RUN + "/{{ task.names.model }}"
ACCEPTED = f"regions/{REGION}/dataset.{{{{ task.names.model }}}}"

with DAG(
    "dataset",
    schedule=PartitionedAssetTimetable(assets=INPUTS),
    catchup=False,
    max_active_runs=2,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    user_defined_macros={"recipe_of": Config().recipe_of},
    params={"region": Param("sample", enum=list(Config().regions()), title="Region")},
    doc_md=__doc__,
    tags=["landslides"],
):

    @task
    def models(region: str) -> list[str]:
        """The models that learn from the region."""
        return list(Config().models_of(region))

    @task
    def recipes(region: str) -> list[str]:
        """The recipes of those models."""
        return sorted({Config().recipe_of(model) for model in Config().models_of(region)})

    @task_group(group_id="terrain")
    def make_images(recipe: str) -> None:
        """Bands and image tiles, shared by all models of a recipe."""
        at = RUN + "/{{ task.names.recipe }}"
        derive = Task(
            task_id="derive_terrain",
            takes=dict.fromkeys(("dem", "report", "layers", "layers_report"), INPUT),
            makes={"stack": f"{at}/stack"},
            given={"recipe": recipe},
        )
        validate = Task(
            task_id="validate_stack",
            does="validate",
            takes={"subject": f"{at}/stack"},
            makes={"report": f"{at}/stack-report"},
            given={"region": REGION},
            names={"recipe": recipe},
        )
        tile = Task(
            task_id="tile_images",
            does="tile",
            takes={"raster": f"{at}/stack"},
            makes={"tiles": f"{at}/images"},
            given={"region": REGION, "recipe": recipe},
        )
        derive >> [tile, validate]

    @task_group(group_id="labels")
    def make_labels(model: str) -> None:
        """Masks of one model's target, its training tiles doubled by flips."""
        names, made_by = {"model": model}, "{{ recipe_of(task.names.model) }}"
        rasterize = Task(
            task_id="rasterize_inventory",
            takes={
                "stack": f"{RECIPE}/stack",
                **dict.fromkeys(("inventory", "report", "layers", "layers_report"), INPUT),
            },
            makes={"mask": f"{MODEL}/mask"},
            given={"region": REGION, "model": model},
        )
        tile = Task(
            task_id="tile_masks",
            does="tile",
            takes={"raster": f"{MODEL}/mask"},
            makes={"tiles": f"{MODEL}/masks"},
            given={"region": REGION, "recipe": made_by},
            names=names,
        )
        validate = Task(
            task_id="validate",
            takes={"subject": f"{MODEL}/masks", "baseline": ACCEPTED},
            makes={"report": f"{MODEL}/report"},
            given={"region": REGION},
            names=names,
        )
        augment = Task(
            task_id="augment",
            takes={"stack": f"{RECIPE}/images", "masks": f"{MODEL}/masks"},
            makes={"augmented": f"{MODEL}/augmented"},
            given={"recipe": made_by},
            names=names,
        )
        parts = [f"{MODEL}/{name}" for name in ("mask", "masks", "report", "augmented")]
        shared = [f"{RECIPE}/{name}" for name in ("stack", "stack-report", "images")]
        accept = Task(
            task_id="accept",
            takes={"items": [*shared, *parts], "built_from": INPUT},
            makes={"accepted": ACCEPTED},
            names=names,
        )
        announce = Task(
            task_id="announce",
            given={"event": "dataset", "partition": model},
            announces=DATASET,
            partition=model,
        )
        announce_map = Task(
            task_id="announce_map",
            does="announce",
            given={"event": "model", "partition": model},
            announces=MODEL_RELEASED,
            partition=model,
        )
        rasterize >> tile >> [validate, augment] >> accept >> [announce, announce_map]

    pin = Task(task_id="pin", makes={"pinned": INPUT}, given={"region": REGION})
    images, masks = make_images.expand(recipe=recipes(REGION)), make_labels.expand(model=models(REGION))
    pin >> images >> masks >> Task(task_id="index_reports", trigger_rule="all_done")

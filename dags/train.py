"""### Train: one model, from its data sets to a verdict

One run is one model. Pins the accepted data of all the model's regions, fits baselines, trains the U-Net (pool
`gpu`), evaluates it beside the baselines and the champion on the same test blocks, and judges it. A model that
passes becomes the candidate, announced as **candidate** (partition: the model) to `release`. A refused one shows as
skipped; the champion goes on serving, and the same data are not trained again.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable

from pipeline_assets import CANDIDATE, DATASET
from pipeline_tasks import Task
from tasks.contract.config import Config

MODEL = "{{ dag_run.partition_key or params.model }}"
RUN = "runs/{{ dag.dag_id }}/{{ run_id }}"
DATA = f"{RUN}/data"
TILES = {"stacks": DATA, "masks": DATA}

with DAG(
    "train",
    schedule=PartitionedAssetTimetable(assets=DATASET),
    catchup=False,
    max_active_runs=4,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={"model": Param("scarps", enum=list(Config().models()), title="Model")},
    doc_md=__doc__,
    tags=["landslides"],
):
    given = {"model": MODEL}
    pin = Task(task_id="pin", makes={"pinned": DATA}, given=given)
    baselines = Task(task_id="fit_baselines", takes=TILES, makes={"baselines": f"{RUN}/baselines"})
    train = Task(
        task_id="train_unet",
        takes={**TILES, "augmented": DATA, "reports": DATA},
        makes={"model": f"{RUN}/model"},
        given=given,
        pool="gpu",
        execution_timeout=timedelta(hours=24),
    )
    evaluate = Task(
        task_id="evaluate_model",
        takes={
            **TILES,
            "model": f"{RUN}/model",
            "champion": f"models/{MODEL}",
            "baselines": f"{RUN}/baselines",
        },
        makes={"evaluation": f"{RUN}/evaluation"},
    )
    gate = Task(
        task_id="gate",
        takes={"model": f"{RUN}/model", "evaluation": f"{RUN}/evaluation", "built_from": DATA},
        makes={"verdict": f"judged/{MODEL}"},
        given=given,
    )
    accept = Task(
        task_id="accept",
        takes={"items": [f"{RUN}/model", f"{RUN}/evaluation", f"judged/{MODEL}"], "built_from": DATA},
        makes={"accepted": f"candidates/{MODEL}"},
    )
    announce = Task(
        task_id="announce",
        given={"event": "candidate", "partition": MODEL},
        announces=CANDIDATE,
        partition=MODEL,
    )
    pin >> [baselines, train] >> evaluate >> gate >> accept >> announce

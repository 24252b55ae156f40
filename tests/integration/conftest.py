"""The whole stack without Airflow's own processes: a real S3 server, the sample services, the model server and sync."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.local.ports import free_block

ROOT = Path(__file__).resolve().parents[2]
ENVS = Path(os.environ.get("PIPELINE_ENVS") or ROOT / ".envs")
RECIPE = """
bands = "default"
[tiles]
tile_px = 64
block_tiles = 2
split = {train = 0.5, validation = 0.25, test = 0.25}
split_seed = SEED
buffer_px = 23  # what a U-Net of 2 levels sees
[augment]
flips = 0.5
seed = 1
[train]
levels = 2
base = 8
normalisation = "robust"
curves = {curvature = "asinh", curvature_sd2 = "asinh", curvature_sd4 = "asinh", roughness = "log"}
sampling = "crops"
positive_share = 0.5
augmented_share = 0.1
loss = "bce_dice"
schedule = "cosine"
learning_rate = 4e-3
batch = 16
steps = 150
epochs = 2
output_bias = -2.5
seed = 1
"""
GATE = "\n[gate]\niou = 0.02\nf1 = 0.02\nmargin_over_baselines = 0.0\nmax_fall_behind_champion = 1.0\n"


def python(name: str) -> str:
    """The interpreter of an environment."""
    return str(ENVS / name / "bin" / "python")


@dataclass
class Stack:
    """Where everything is, and how to run a DAG in it."""

    folder: Path
    config: Path
    sample: Path
    environment: dict[str, str]

    def run(self, dag: str, **conf: Any) -> dict[str, str]:
        """`dag.test()`: every task runs, as a process of its own in its own environment; task -> state."""
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(str(ROOT / "dags" / f"{dag}.py"))
        assert not bag.import_errors, bag.import_errors
        run = bag.dags[dag].test(run_conf=conf)
        return {
            f"{task.task_id}[{task.map_index}]" if task.map_index >= 0 else task.task_id: str(task.state)
            for task in run.get_task_instances()
        }

    def edit_deposits(self, *words: str) -> None:
        """Somebody edits the deposits in the inventory service."""
        command = ["-m", "infra.sample.edit", "--data", str(self.sample), "--target", "deposits", *words]
        subprocess.run([python("terrain"), *command], cwd=ROOT, check=True, timeout=60)


def wait_for(url: str) -> None:
    """Until a server answers anything."""
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


def write_config(folder: Path, sample: Path, port: int, seed: int) -> None:
    """The shipped configuration, but a small region, a small network and the port of this test's service."""
    shipped = ROOT / "dags" / "config"
    for name in ("regions", "recipes", "models"):
        (folder / name).mkdir(parents=True)
    shutil.copy(shipped / "bands.toml", folder)
    bounds = tomllib.loads(metadata(sample)["region_toml"])["bounds"]
    region = (shipped / "regions" / "sample.toml").read_text().replace(":8094", f":{port}")
    lines = [f"bounds = {bounds}" if line.startswith("bounds") else line for line in region.splitlines()]
    (folder / "regions" / "sample.toml").write_text("\n".join(lines))
    tiny = RECIPE.replace("SEED", str(seed))
    (folder / "recipes" / "tiny.toml").write_text(tiny)
    (folder / "recipes" / "tiny-layers.toml").write_text(
        tiny.replace('bands = "default"', 'bands = "layers"')
    )
    for target, recipe in (("scarps", "tiny-layers"), ("deposits", "tiny")):
        text = f'title = "{target}"\ntarget = "{target}"\nregions = ["sample"]\nrecipe = "{recipe}"\n{GATE}'
        (folder / "models" / f"{target}.toml").write_text(text)


def metadata(sample: Path) -> dict[str, Any]:
    """What the sample says of itself."""
    import json

    found: dict[str, Any] = json.loads((sample / "metadata.json").read_text())
    return found


@pytest.fixture(scope="session")
def stack(
    s3_server: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Everything up; ended with the session."""
    folder = tmp_path_factory.mktemp("stack")
    sample, config = folder / "sample", folder / "config"
    first = free_block(3)
    sample_port, grpc, rest = first, first + 1, first + 2
    subprocess.run(
        [python("terrain"), "-m", "infra.sample.quadrangle", "--out", str(sample), "--small"],
        cwd=ROOT,
        check=True,
    )
    write_config(config, sample, sample_port, seed=10)
    environment = {
        **os.environ,
        **s3_server,
        "PIPELINE_STORE": f"s3://{s3_server['PIPELINE_BUCKET']}/chain",
        "PIPELINE_CONFIG": str(config),
        "PIPELINE_ENVS": str(ENVS),
        "PIPELINE_DATA": str(folder),
        "PIPELINE_PRIVATE_HOSTS": "127.0.0.1",
        "PIPELINE_WORK": str(folder / "work"),
        "PIPELINE_SERVING_GRPC": f"127.0.0.1:{grpc}",
        "PIPELINE_SERVING_REST": f"http://127.0.0.1:{rest}",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins"))),
    }
    where = ["--root", str(folder / "models"), "--config", str(folder / "models.config")]
    services = [
        [python("terrain"), "-m", "infra.sample.service", "--data", str(sample), "--port", str(sample_port)],
        [
            python("tensorflow"),
            "-m",
            "serving.model_server",
            *where,
            "--grpc",
            f"127.0.0.1:{grpc}",
            "--rest",
            f"127.0.0.1:{rest}",
        ],
        [python("terrain"), "-m", "serving.sync", *where, "--interval", "1"],
    ]
    running = []
    for number, command in enumerate(services):
        with (folder / f"service-{number}.log").open("w") as log:
            running.append(
                subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
            )
    airflow = str(Path(sys.executable).parent / "airflow")
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    for pool in ("gpu", "sources"):
        subprocess.run(
            [airflow, "pools", "set", pool, "1", "test"], env=environment, check=True, capture_output=True
        )
    wait_for(f"http://127.0.0.1:{sample_port}/health")
    wait_for(f"http://127.0.0.1:{rest}/healthz")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield Stack(folder, config, sample, environment)
    for process in running:
        process.terminate()
    for process in running:
        process.wait(30)

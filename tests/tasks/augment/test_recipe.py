"""augment run as a task: training tiles only, twice the same."""

import csv
import io

import numpy as np
import pytest

from tasks.contract.errors import GridMismatch

GRID = {"crs": "EPSG:32610", "transform": [10.0, 0.0, 0.0, 0.0, -10.0, 5120.0], "width": 256, "height": 128}
SPLITS = ["train", "test", "train", "validation", "train", "train", "test", "train"]
COUNTS = {"train": 5, "validation": 1, "test": 2}
CONFIG = {"recipes/small": "[augment]\nflips = 0.5\nseed = 1"}


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.fixture
def takes(make_artifact):
    """Puts stack tiles and mask tiles into the store: each tile holds its own number."""

    def put(tile_px: int = 64) -> dict[str, str]:
        index = [
            "tile,row,col,split",
            *(f"{n},{-8 + n // 4},{n % 4},{split}" for n, split in enumerate(SPLITS)),
        ]
        numbers = np.arange(8)[:, None, None]
        masks = np.broadcast_to(numbers, (8, 64, 64)).astype(np.uint8)
        images = np.broadcast_to(numbers[..., None], (8, 64, 64, 2)).astype(np.float32)
        properties = {**GRID, "region": "here", "bands": ["slope", "curvature"], "splits": COUNTS}
        lines = "\n".join(index).encode()
        stack = {"tiles.npy": npy(images), "index.csv": lines}
        labels = {"tiles.npy": npy(masks), "index.csv": lines}
        return {
            "stack": make_artifact("stack-tiles", stack, {**properties, "tile_px": 64}),
            "masks": make_artifact(
                "mask-tiles", labels, {**properties, "tile_px": tile_px, "target": "scarps"}
            ),
        }

    return put


def test_every_training_tile_has_one_twin_and_no_other_tile_has(takes, run_task, config_folder):
    made = run_task("augment", takes(), {"recipe": "small"}, config_folder(**CONFIG))
    with made.file("index.csv").open(newline="") as lines:
        sources = [int(line["source_tile"]) for line in csv.DictReader(lines)]
    assert sources == [0, 2, 4, 5, 7]
    images, masks = (np.load(made.file(name)) for name in ("images.npy", "masks.npy"))
    assert masks[:, 0, 0].tolist() == images[:, 63, 63, 1].tolist() == sources
    assert made.properties["tiles"] == COUNTS["train"]


def test_two_runs_make_the_same_bytes(takes, run_task, config_folder, file_store):
    config, refs = config_folder(**CONFIG), takes()
    first = run_task("augment", refs, {"recipe": "small"}, config).manifest
    file_store.delete(f"{first.item.folder}/manifest.json")
    second = run_task("augment", refs, {"recipe": "small"}, config).manifest
    assert {n: f.path for n, f in first.files.items()} != {n: f.path for n, f in second.files.items()}
    assert first.digest == second.digest


def test_tiles_of_two_grids_are_refused(takes, run_task, config_folder):
    with pytest.raises(GridMismatch, match="differ in tile_px"):
        run_task("augment", takes(tile_px=32), {"recipe": "small"}, config_folder(**CONFIG))

"""augment run as a task: training tiles only, twice the same."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tasks.contract.errors import BadData, GridMismatch, InvalidParams

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
    """Puts stack tiles and mask tiles into the store: each holds its own number, its first band a ramp."""

    def put(tile_px: int = 64, bands=("slope", "curvature"), sampled=(True,) * 8) -> dict[str, str]:
        file = io.BytesIO()
        columns = {
            "tile": np.arange(8),
            "row_px": -512 + 64 * (np.arange(8) // 4),
            "col_px": 64 * (np.arange(8) % 4),
            "split": SPLITS,
            "extra": [False] * 8,
            "sampled": list(sampled),
            "positive_share": np.linspace(0, 1, 8),
        }
        pq.write_table(pa.table(columns), file)
        numbers = np.arange(8)[:, None, None]
        masks = np.broadcast_to(numbers, (8, 64, 64)).astype(np.uint8)
        images = np.broadcast_to(numbers[..., None], (8, 64, 64, len(bands))).astype(np.float32)
        images[..., 0] += np.linspace(0, 1, 64)
        properties = {**GRID, "region": "here", "bands": list(bands), "splits": COUNTS}
        stack = {"tiles.npy": npy(images), "index.parquet": file.getvalue()}
        labels = {"tiles.npy": npy(masks), "index.parquet": file.getvalue()}
        return {
            "stack": make_artifact("stack-tiles", stack, {**properties, "tile_px": 64}),
            "masks": make_artifact(
                "mask-tiles", labels, {**properties, "tile_px": tile_px, "target": "scarps"}
            ),
        }

    return put


def test_every_training_tile_has_one_twin_and_no_other_tile_has(takes, run_task, config_folder):
    made = run_task("augment", takes(), {"recipe": "small"}, config_folder(**CONFIG))
    sources = pq.read_table(made.file("index.parquet"))["source_tile"].to_pylist()
    assert sources == [0, 2, 4, 5, 7]
    images, masks = (np.load(made.file(name)) for name in ("images.npy", "masks.npy"))
    assert masks[:, 0, 0].tolist() == images[:, 63, 63, 1].tolist() == sources
    assert made.properties["tiles"] == COUNTS["train"]


def test_no_twin_is_made_of_a_training_tile_that_is_not_sampled(takes, run_task, config_folder):
    refs = takes(sampled=[True, True, False, True, True, False, True, True])
    made = run_task("augment", refs, {"recipe": "small"}, config_folder(**CONFIG))
    assert pq.read_table(made.file("index.parquet"))["source_tile"].to_pylist() == [0, 4, 7]


def test_two_runs_make_the_same_bytes(takes, run_task, config_folder, file_store):
    config, refs = config_folder(**CONFIG), takes()
    first = run_task("augment", refs, {"recipe": "small"}, config).manifest
    file_store.delete(f"{first.item.folder}/manifest.json")
    second = run_task("augment", refs, {"recipe": "small"}, config).manifest
    assert {n: f.path for n, f in first.files.items()} != {n: f.path for n, f in second.files.items()}
    assert first.digest == second.digest


def test_the_contact_sheet_shows_a_row_for_each_tile(takes, run_task, config_folder):
    made = run_task("augment", takes(), {"recipe": "small"}, config_folder(**CONFIG))
    sheet = np.asarray(Image.open(made.file("contact.png")).convert("RGB"))
    assert sheet.shape[0] > 8 * 150  # five of training, one of validation, two of test
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 64  # the ramps, in grey


def test_tiles_of_two_grids_are_refused(takes, run_task, config_folder):
    with pytest.raises(GridMismatch, match="differ in tile_px"):
        run_task("augment", takes(tile_px=32), {"recipe": "small"}, config_folder(**CONFIG))


def test_a_band_that_is_not_there_is_refused_with_those_that_are(takes, run_task, config_folder):
    config = config_folder(**{"recipes/small": "[augment.shift]\nelevation = 50"})
    with pytest.raises(BadData, match="name elevation, the stack has slope, curvature"):
        run_task("augment", takes(), {"recipe": "small"}, config)


def test_half_a_direction_cannot_be_turned(takes, run_task, config_folder):
    config = config_folder(**{"recipes/small": "[augment]\nrotations = true"})
    with pytest.raises(BadData, match="name both in the band set, or neither"):
        run_task("augment", takes(bands=("slope", "eastness")), {"recipe": "small"}, config)


@pytest.mark.parametrize("text", ["flips = 'often'", "flip = 0.5", "shift = 3"])
def test_a_setting_that_is_not_one_names_the_recipe_or_the_setting(takes, run_task, config_folder, text):
    config = config_folder(**{"recipes/small": f"[augment]\n{text}"})
    with pytest.raises(InvalidParams, match=r"\[augment\]"):
        run_task("augment", takes(), {"recipe": "small"}, config)

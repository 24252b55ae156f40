"""A model whose test figures can be counted by hand, beside a champion and the baselines."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.evaluate_model.judging import TestTiles, judged
from tasks.science.dataset import regions
from tasks.science.metrics import Counts

GRID = Grid("EPSG:32610", 0.0, 5120.0, 10.0, 256, 256)
BASELINES = {"no_skill": {"iou": 0.1, "recall": 1.0, "precision": 0.1}}


def steepness(path: Path, steep: float) -> Path:
    """A SavedModel that finds the ground steeper than `steep` and knows nothing else."""

    class Steepness(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32, name="bands")])
        def probability(self, bands):
            return {"probability": tf.sigmoid((tf.where(tf.math.is_finite(bands), bands, 20.0) - steep) / 2)}

    module = Steepness()
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.probability})
    return path


@pytest.fixture
def model(make_artifact, tmp_path):
    """Puts such a model into the store -> ref."""

    def put(steep: float, bands: tuple[str, ...] = ("slope",)) -> str:
        folder = steepness(tmp_path / f"model-{steep}", steep)
        files = {
            f"saved_model/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()
        }
        properties = {"bands": list(bands), "levels": 2, "halo_px": 24, "threshold": 0.5, "target": "toys"}
        return make_artifact("model", files, {**properties, "synthetic": True})

    return put


def test_figures_are_of_the_test_tiles_and_nothing_else(toy_tiles, model, run_task, make_artifact, taken):
    refs, candidate = toy_tiles(), model(24.0)
    takes = {"stacks": refs["stacks"], "masks": refs["masks"]}
    takes["baselines"] = make_artifact("baselines", {"baselines.json": b"{}"}, {"metrics": BASELINES})
    made = run_task("evaluate_model", {**takes, "model": candidate, "champion": model(30.0)}, {})

    (region,) = regions([taken(refs["stacks"])], [taken(refs["masks"])])
    test = region.splits == "test"
    steep, truth = region.images[test][..., 0] >= 24.0, region.masks[test]
    known = (truth != 255) & np.isfinite(region.images[test]).all(axis=-1)
    tp, union = (steep & (truth == 1) & known).sum(), ((steep | (truth == 1)) & known).sum()
    assert made.properties["metrics"]["iou"] == pytest.approx(tp / union)
    low, high = made.properties["metrics"]["iou_interval"]
    assert 0 < low <= tp / union <= high < 1
    assert made.properties["champion_metrics"]["iou"] != made.properties["metrics"]["iou"]
    assert made.properties["champion_metrics"]["cells"] == made.properties["metrics"]["cells"]
    assert made.properties["subject"] == taken(candidate).digest
    assert made.properties["baselines"] == BASELINES
    assert set(made.names) == {"metrics.json", "pr_curve.png", "toy-all.png", "toy-test.png"}
    assert (
        json.loads(made.file("metrics.json").read_text())["candidate"]["pooled"] == made.properties["metrics"]
    )


def test_the_first_model_has_no_champion(toy_tiles, model, run_task, make_artifact):
    refs = toy_tiles()
    takes = {
        "stacks": refs["stacks"],
        "masks": refs["masks"],
        "model": model(24.0),
        "champion": "models/toys",
    }
    takes["baselines"] = make_artifact("baselines", {"baselines.json": b"{}"}, {"metrics": BASELINES})
    made = run_task("evaluate_model", takes, {})
    assert made.properties["champion_metrics"] is None


def test_a_region_held_out_is_judged_whole_and_one_without_test_tiles_not(
    toy_tiles, model, run_task, make_artifact, taken
):
    far = replace(GRID, left=GRID.left + 256000.0)
    refs = [toy_tiles(seed=1), toy_tiles("held", seed=2, grid=far, hold_out="test")]
    refs.append(toy_tiles("learned", seed=3, grid=replace(far, top=far.top + 256000.0), hold_out="train"))
    takes = {name: [ref[name] for ref in refs] for name in ("stacks", "masks")}
    takes["baselines"] = make_artifact("baselines", {"baselines.json": b"{}"}, {"metrics": BASELINES})
    made = run_task("evaluate_model", {**takes, "model": model(24.0)}, {})
    by_region = made.properties["metrics_by_region"]
    assert set(by_region) == {"toy", "held"}
    held = np.load(taken(refs[1]["masks"]).file("tiles.npy"))
    assert by_region["held"]["cells"] == (held != 255).sum()
    assert by_region["held"]["blocks"] == 16
    assert made.properties["metrics"]["cells"] == sum(one["cells"] for one in by_region.values())
    assert {"held-test.png", "learned-all.png"} <= set(made.names)
    assert "learned-test.png" not in made.names


def test_a_model_of_other_bands_is_refused(toy_tiles, model, run_task, make_artifact):
    refs = toy_tiles()
    takes = {"stacks": refs["stacks"], "masks": refs["masks"], "model": model(24.0, ("openness",))}
    takes["baselines"] = make_artifact("baselines", {"baselines.json": b"{}"}, {"metrics": BASELINES})
    with pytest.raises(BadData, match=r"reads bands \['openness'\], the stack of toy has slope, roughness"):
        run_task("evaluate_model", takes, {})


def test_regions_are_pooled_by_cells_and_blocks_are_counted_apart():
    truth = np.array([[[1, 0]], [[1, 1]], [[0, 0]]], np.uint8)
    found = np.array([[[0.9, 0.9]], [[0.9, 0.1]], [[0.1, 0.1]]], np.float32)
    one = TestTiles("one", found[:2], truth[:2], np.array([[0, 0], [0, 1]]))
    two = TestTiles("two", found[2:], truth[2:], np.array([[0, 0]]))
    assert one.by_block(0.5) == [Counts(1, 1, 0, 0), Counts(1, 0, 1, 0)]
    result = judged([one, two], 0.5, seed=1, draws=10)
    assert result["pooled"]["iou"] == 0.5
    assert result["pooled"]["blocks"] == 3
    assert result["regions"]["two"]["iou"] == 0

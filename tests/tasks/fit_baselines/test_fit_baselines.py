"""Baselines: what knows nothing has the base rate; a slope that tells all scores 1."""

import json

import numpy as np
import pytest

from tasks.contract.errors import BadData
from tasks.fit_baselines.rules import NoSkill, Threshold
from tasks.science.metrics import count, summary

MASK = (np.random.default_rng(1).random((80, 80)) < 0.1).astype(np.uint8)


def test_the_best_blind_map_calls_everything_positive_and_has_the_base_rate_as_iou():
    rule = NoSkill.fit(MASK)
    blind = rule.probability(MASK.astype(np.float32))
    figures = summary(blind, MASK, rule.base_rate)
    assert figures["iou"] == figures["pr_auc"] == pytest.approx(MASK.mean())
    assert figures["recall"] == 1


@pytest.mark.parametrize(("sign", "expected"), [(1, 30.0), (-1, 10.0)])
def test_a_threshold_finds_the_side_and_the_cut(sign, expected):
    slope = np.where(MASK == 1, 20 + 10 * sign, 20).astype(np.float32)
    rule = Threshold.fit(slope, MASK)
    assert (rule.sign, rule.sign * rule.cut) == (sign, expected)
    assert count(rule.score(slope), MASK, rule.cut).iou == 1
    assert (rule.above, rule.below) == (1, 0)


def test_a_side_has_its_share_of_positives_as_probability():
    slope = np.array([30, 30, 30, 30, 10, 10, 10, 10], np.float32)
    rule = Threshold.fit(slope, np.array([1, 1, 1, 0, 0, 0, 0, 255], np.uint8))
    np.testing.assert_array_equal(rule.probability(slope), [0.75] * 4 + [0] * 4)


def test_unknown_cells_are_not_learned_from():
    slope = np.where(MASK == 1, 30, 20).astype(np.float32)
    masked, misleading = MASK.copy(), slope.copy()
    masked[:10] = 255
    misleading[:10] = 50 - misleading[:10]
    assert Threshold.fit(misleading, masked) == Threshold.fit(np.where(masked == 255, np.nan, slope), masked)


def test_the_task_measures_on_test_what_it_fitted_on_train(toy_tiles, run_task):
    refs = toy_tiles()
    takes = {name: refs[name] for name in ("stacks", "masks")}
    made = run_task("fit_baselines", takes, {})
    metrics = json.loads(made.file("baselines.json").read_text())
    assert metrics == made.properties["metrics"]
    nothing, slope = metrics["no_skill"], metrics["slope_threshold"]
    assert nothing["iou"] == pytest.approx(nothing["base_rate"])
    assert nothing["iou"] < slope["iou"] < 1
    assert slope["side"] == "above"
    assert slope["loss"] < nothing["loss"]


def test_a_stack_without_slope_is_refused_with_what_to_do(toy_tiles, run_task, make_artifact, taken):
    refs = toy_tiles()
    stack = taken(refs["stacks"])
    files = {name: stack.file(name) for name in stack.names}
    renamed = make_artifact("stack-tiles", files, {**stack.properties, "bands": ["elevation", "roughness"]})
    with pytest.raises(BadData, match="add it to the recipe's band set"):
        run_task("fit_baselines", {"stacks": renamed, "masks": refs["masks"]}, {})

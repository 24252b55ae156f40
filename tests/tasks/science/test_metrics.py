"""Metrics against counts by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tasks.contract.errors import BadData
from tasks.science.metrics import (
    Counts,
    best_threshold,
    count,
    iou_interval,
    log_loss,
    pr_auc,
    pr_curve,
    summary,
)

MASK = np.array([[1, 1, 1, 0], [0, 0, 255, 0]], np.uint8)
SCORE = np.array([[0.9, 0.8, 0.1, 0.7], [0.2, 0.1, 0.99, np.nan]], np.float32)


def test_counts_by_hand_leave_out_unknown_truth_and_cells_without_a_score():
    assert count(SCORE, MASK, 0.5) == Counts(tp=2, fp=1, fn=1, tn=2)
    figures = summary(SCORE, MASK, 0.5)
    assert figures["cells"] == 6
    assert (figures["iou"], figures["f1"]) == (2 / 4, pytest.approx(2 / 3))
    assert (figures["precision"], figures["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (figures["accuracy"], figures["all_background_accuracy"]) == (pytest.approx(4 / 6), 0.5)


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    mask = (rng.random((60, 70)) < 0.1).astype(np.uint8)
    score = np.clip(0.3 * mask + rng.normal(0.3, 0.15, mask.shape), 0.01, 0.99)
    mask[rng.random(mask.shape) < 0.2] = 255
    return score, mask, mask != 255


def test_figures_agree_with_scikit_learn(case):
    score, mask, known = case
    truth, called = mask[known], score[known] >= 0.45
    figures = summary(score, mask, 0.45)
    assert figures["iou"] == pytest.approx(sklearn_metrics.jaccard_score(truth, called))
    assert figures["f1"] == pytest.approx(sklearn_metrics.f1_score(truth, called))
    assert figures["precision"] == pytest.approx(sklearn_metrics.precision_score(truth, called))
    assert figures["recall"] == pytest.approx(sklearn_metrics.recall_score(truth, called))
    assert figures["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, called))
    assert figures["pr_auc"] == pytest.approx(sklearn_metrics.average_precision_score(truth, score[known]))
    assert figures["loss"] == pytest.approx(sklearn_metrics.log_loss(truth, score[known]))


def test_what_the_map_says_of_unknown_cells_changes_nothing(case):
    score, mask, known = case
    assert summary(np.where(known, score, 1 - score), mask, 0.45) == summary(score, mask, 0.45)


def test_no_threshold_beats_the_best_one_in_f1_or_iou(case):
    score, mask, _ = case
    best = count(score, mask, best_threshold(score, mask))
    tried = [count(score, mask, threshold) for threshold in np.linspace(0, 1, 301)]
    assert best.iou >= max(counts.iou for counts in tried)
    assert best.f1 >= max(counts.f1 for counts in tried)


def test_a_threshold_without_a_positive_cell_is_refused():
    with pytest.raises(BadData, match="no positive cell among 4"):
        best_threshold(np.zeros(4), np.zeros(4, np.uint8))


def test_a_constant_score_has_the_base_rate_as_pr_auc_and_its_entropy_as_loss():
    mask = np.array([1] * 10 + [0] * 90, np.uint8)
    rate = np.full(100, 0.1)
    assert pr_auc(rate, mask) == pytest.approx(0.1)
    assert log_loss(rate, mask) == pytest.approx(-(0.1 * math.log(0.1) + 0.9 * math.log(0.9)))


def test_a_map_that_finds_nothing_scores_zero_and_has_the_all_background_accuracy():
    figures = summary(np.zeros(100), np.array([1] * 10 + [0] * 90, np.uint8), 0.5)
    assert (figures["iou"], figures["precision"], figures["accuracy"]) == (0, 0, 0.9)
    assert figures["all_background_accuracy"] == 0.9


def test_the_drawn_curve_runs_from_all_found_to_none(case):
    recall, precision = pr_curve(*case[:2])
    assert recall[0] == 1
    assert len(recall) == len(precision) < 1000


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 4), min_size=1, max_size=12))
def test_an_interval_lies_between_the_worst_and_the_best_block(table):
    blocks = [Counts(*row) for row in table]
    low, high = iou_interval(blocks, seed=1, draws=50)
    known = [block.iou for block in blocks if block.tp + block.fp + block.fn] or [0.0]
    # Blocks without a positive cell, called or true, may be all that is drawn.
    assert min(*known, 0.0) - 1e-9 <= low <= high <= max(known) + 1e-9


def test_an_interval_is_the_same_for_the_same_seed_and_a_point_for_equal_blocks():
    uneven = [Counts(5, 1, 1, 90), Counts(1, 5, 5, 90), Counts(3, 3, 3, 90)]
    assert iou_interval(uneven, seed=3) == iou_interval(uneven, seed=3)
    assert iou_interval([Counts(2, 1, 1, 9)] * 5, seed=1) == (0.5, 0.5)

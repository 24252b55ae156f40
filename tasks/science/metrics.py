"""How well a map finds the positive class. Cells without a truth (255) or a score (NaN) count nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from tasks.contract.errors import BadData

UNKNOWN = 255
Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Counts:
    """Cells by prediction and truth; a share of nothing is 0, so that an empty map scores 0 and not NaN."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def iou(self) -> float:
        """Intersection over union of the positive class (Jaccard index)."""
        return self.tp / max(self.tp + self.fp + self.fn, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (Dice)."""
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)

    @property
    def precision(self) -> float:
        """Share of the cells called positive that are."""
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def recall(self) -> float:
        """Share of the positive cells that were called so."""
        return self.tp / max(self.tp + self.fn, 1)

    @property
    def accuracy(self) -> float:
        """Share of cells called right; worth little where positives are rare."""
        return (self.tp + self.tn) / max(self.tp + self.fp + self.fn + self.tn, 1)

    @property
    def all_background_accuracy(self) -> float:
        """The accuracy of a map that finds nothing: what `accuracy` has to be read beside."""
        return (self.fp + self.tn) / max(self.tp + self.fp + self.fn + self.tn, 1)


def known(score: Floats, mask: Mask) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Score and truth of the cells that have both (no 255, no NaN), as flat arrays of one length."""
    cells = (mask != UNKNOWN) & np.isfinite(score)
    return score[cells].astype(np.float64), mask[cells] == 1


def count(score: Floats, mask: Mask, threshold: float) -> Counts:
    """Counts of `score >= threshold` against the mask."""
    scores, truth = known(score, mask)
    called = scores >= threshold
    tp, called_sum, positives = int((called & truth).sum()), int(called.sum()), int(truth.sum())
    return Counts(tp, called_sum - tp, positives - tp, truth.size - called_sum - positives + tp)


def log_loss(probability: Floats, mask: Mask) -> float:
    """Mean binary cross-entropy in nats; probabilities are kept 1e-7 away from 0 and 1."""
    p, truth = known(probability, mask)
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return float(-np.log(np.where(truth, p, 1 - p)).mean())


def pr_auc(score: Floats, mask: Mask) -> float:
    """Area under the precision-recall curve (average precision); a score without skill has the base rate."""
    scores, truth = known(score, mask)
    return float(average_precision_score(truth, scores)) if truth.any() else 0.0


def pr_curve(score: Floats, mask: Mask, points: int = 400) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision along the curve, thinned to about `points` for drawing."""
    scores, truth = known(score, mask)
    precision, recall, _ = precision_recall_curve(truth, scores, drop_intermediate=True)
    step = max(1, precision.size // points)
    return recall[::step], precision[::step]


def best_threshold(score: Floats, mask: Mask) -> float:
    """The threshold with the highest F1, which has the highest IoU too (IoU = F1 / (2 - F1))."""
    scores, truth = known(score, mask)
    if not truth.any():
        raise BadData(f"no positive cell among {truth.size} known ones: a threshold cannot be chosen")
    precision, recall, thresholds = precision_recall_curve(truth, scores, drop_intermediate=True)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def summary(
    score: Floats, mask: Mask, threshold: float, probability: Floats | None = None
) -> dict[str, float]:
    """Every figure of one map. `probability` is given where `score` only ranks (a slope, say)."""
    counts = count(score, mask, threshold)
    return {
        "iou": counts.iou,
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "pr_auc": pr_auc(score, mask),
        "loss": log_loss(score if probability is None else probability, mask),
        "accuracy": counts.accuracy,
        "all_background_accuracy": counts.all_background_accuracy,
        "base_rate": 1 - counts.all_background_accuracy,
        "cells": float(counts.tp + counts.fp + counts.fn + counts.tn),
        "threshold": threshold,
    }


def iou_interval(
    counts: list[Counts], *, seed: int, draws: int = 1000, level: float = 0.9
) -> tuple[float, float]:
    """Bootstrap interval of the pooled IoU, drawing whole blocks: cells side by side are not independent."""
    table = np.array([(c.tp, c.tp + c.fp + c.fn) for c in counts], np.float64)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), size=draws) @ table
    ious = drawn[:, 0] / np.maximum(drawn[:, 1], 1)
    low, high = np.quantile(ious, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

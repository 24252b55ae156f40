"""Rules fitted on training cells: knowing nothing, and a threshold on one band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.science.metrics import best_threshold, count, known


@dataclass(frozen=True)
class NoSkill:
    """Knows the base rate and calls every cell positive: the best IoU there is without looking at the ground."""

    base_rate: float

    @classmethod
    def fit(cls, mask: NDArray[np.uint8]) -> NoSkill:
        """The base rate of the training cells."""
        return cls(float((mask[mask != 255] == 1).mean()))

    def probability(self, band: NDArray[np.float32]) -> NDArray[np.float64]:
        """The base rate, everywhere."""
        return np.full(band.shape, self.base_rate)


@dataclass(frozen=True)
class Threshold:
    """Calls positive what is `sign * band >= cut`; a side's probability is its share of training positives."""

    sign: int
    cut: float
    above: float
    below: float

    @classmethod
    def fit(cls, band: NDArray[np.float32], mask: NDArray[np.uint8]) -> Threshold:
        """The side and cut with the highest IoU on the training cells."""
        rules = [cls._one_side(sign, band, mask) for sign in (1, -1)]
        return max(rules, key=lambda rule: count(rule.score(band), mask, rule.cut).iou)

    @classmethod
    def _one_side(cls, sign: int, band: NDArray[np.float32], mask: NDArray[np.uint8]) -> Threshold:
        cut = best_threshold(sign * band, mask)
        scores, truth = known(sign * band, mask)
        shares = [float(truth[side].mean()) if side.any() else 0.0 for side in (scores >= cut, scores < cut)]
        return cls(sign, cut, *shares)

    def score(self, band: NDArray[np.float32]) -> NDArray[np.float32]:
        """What ranks the cells."""
        return self.sign * band

    def probability(self, band: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the rule makes of a cell, as a probability."""
        return np.where(self.score(band) >= self.cut, self.above, self.below)

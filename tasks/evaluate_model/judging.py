"""Figures of a probability map on the test tiles: pooled, by region, with intervals over blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.science.dataset import Region
from tasks.science.metrics import Counts, count, iou_interval, summary
from tasks.science.tiles import cut


@dataclass(frozen=True)
class TestTiles:
    """Probability, truth and block of the test tiles of one region."""

    __test__ = False  # not a test, whatever pytest makes of the name

    region: str
    probability: NDArray[np.float32]
    truth: NDArray[np.uint8]
    blocks: NDArray[np.int64]

    @classmethod
    def of(cls, region: Region, probability: NDArray[np.float32]) -> TestTiles:
        """The test tiles out of a whole map (H, W)."""
        test = region.splits == "test"
        tiles = cut(probability, region.masks.shape[1])[test]
        return cls(region.name, tiles, region.masks[test], region.blocks[test])

    def by_block(self, threshold: float) -> list[Counts]:
        """The counts of each block."""
        _, block = np.unique(self.blocks, axis=0, return_inverse=True)
        return [
            count(self.probability[block.ravel() == b], self.truth[block.ravel() == b], threshold)
            for b in range(block.max() + 1)
        ]


def figures(parts: list[TestTiles], threshold: float, *, seed: int, draws: int) -> dict[str, Any]:
    """All figures of these tiles together, with an interval for the IoU."""
    probability = np.concatenate([part.probability for part in parts])
    truth = np.concatenate([part.truth for part in parts])
    blocks = [counts for part in parts for counts in part.by_block(threshold)]
    return {
        **summary(probability, truth, threshold),
        "iou_interval": list(iou_interval(blocks, seed=seed, draws=draws)),
        "blocks": len(blocks),
    }


def judged(parts: list[TestTiles], threshold: float, *, seed: int, draws: int) -> dict[str, Any]:
    """The figures of all regions pooled, and of each alone; a region may have no test tiles."""
    tested = [part for part in parts if len(part.truth)]
    return {
        "pooled": figures(tested, threshold, seed=seed, draws=draws),
        "regions": {part.region: figures([part], threshold, seed=seed, draws=draws) for part in tested},
    }

"""What the figures look like on the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tasks.evaluate_model.judging import TestTiles
from tasks.science.dataset import Region
from tasks.science.hillshade import hillshade
from tasks.science.metrics import pr_curve
from tasks.science.preview import draw

MARGIN_PX = 32


def shade(region: Region) -> NDArray[np.float32]:
    """Shaded relief. Tiles need not hold the elevation: height above the surroundings has the same small forms."""
    heights = [name for name in region.bands if name == "elevation" or name.startswith("relief")]
    if not heights:
        band = region.bands_whole()[..., 0]
        low, high = np.nanpercentile(band, [1, 99])
        return np.clip((band - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return hillshade(region.bands_whole()[..., region.bands.index(heights[0])], region.cell_m)


def candidate_and_truth(
    region: Region, probability: NDArray[np.float32], threshold: float, title: str
) -> dict[str, Figure]:
    """Pictures by name: `all`, the whole region, and `test`, a test block enlarged, where the region has one."""
    backdrop, truth = shade(region), region.mask_whole("train", "validation", "test")
    pictures = {"all": draw(backdrop, probability, threshold, truth, f"{title}: all splits")}
    if (region.splits == "test").any():
        block, tested = _best_test_block(region), region.mask_whole("test")
        pictures["test"] = draw(
            backdrop[block], probability[block], threshold, tested[block], f"{title}: a test block"
        )
    return pictures


def _best_test_block(region: Region) -> tuple[slice, slice]:
    """Rows and columns of the test block with the most positive cells, and a little around it."""
    px = region.masks.shape[1]
    positives = (region.masks == 1).sum(axis=(1, 2)) + 1
    best: dict[tuple[int, ...], int] = {}
    for tile in np.flatnonzero(region.splits == "test"):
        block = tuple(region.blocks[tile])
        best[block] = best.get(block, 0) + int(positives[tile])
    block = max(best, key=lambda b: best[b])
    inside = np.flatnonzero((region.blocks == block).all(axis=1))
    rows, cols = inside // region.cols, inside % region.cols
    return (
        slice(max(rows.min() * px - MARGIN_PX, 0), (rows.max() + 1) * px + MARGIN_PX),
        slice(max(cols.min() * px - MARGIN_PX, 0), (cols.max() + 1) * px + MARGIN_PX),
    )


def curve(parts: list[TestTiles], figures: dict[str, Any], baselines: dict[str, Any], title: str) -> Figure:
    """Precision over recall of the candidate, its working point, and the baselines' points."""
    probability = np.concatenate([part.probability for part in parts])
    truth = np.concatenate([part.truth for part in parts])
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(*pr_curve(probability, truth), label=f"candidate, PR-AUC {figures['pr_auc']:.2f}")
    axes.plot(figures["recall"], figures["precision"], "o", label=f"threshold {figures['threshold']:.2f}")
    for name, found in baselines.items():
        axes.plot(found["recall"], found["precision"], "x", label=name.replace("_", " "))
    axes.set(
        xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02), title=f"{title}: test blocks"
    )
    axes.legend(frameon=False)
    return figure

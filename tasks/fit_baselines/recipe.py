"""Fit on the training cells, measure on the test cells."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData
from tasks.fit_baselines.rules import NoSkill, Threshold
from tasks.science.dataset import Region, regions
from tasks.science.metrics import summary


def run(job: Any) -> dict[str, Any]:
    """Write baselines.json: the test figures of each baseline, and what it fitted."""
    areas = regions(job.many("stacks"), job.many("masks"))
    if job.params.band not in areas[0].bands:
        raise BadData(
            f"the threshold baseline reads band {job.params.band}, the stack has {', '.join(areas[0].bands)}; "
            "add it to the recipe's band set"
        )
    train, test = cells(areas, job.params.band, "train"), cells(areas, job.params.band, "test")
    nothing, threshold = NoSkill.fit(train[1]), Threshold.fit(*train)
    slope, truth = test
    blind = nothing.probability(slope)
    metrics: dict[str, dict[str, Any]] = {
        "no_skill": summary(blind, truth, nothing.base_rate),
        f"{job.params.band}_threshold": {
            **summary(threshold.score(slope), truth, threshold.cut, threshold.probability(slope)),
            "threshold": threshold.sign * threshold.cut,
            "side": "above" if threshold.sign > 0 else "below",
        },
    }
    (job.out / "baselines.json").write_text(json.dumps(metrics, indent=1, sort_keys=True))
    for name, figures in metrics.items():
        print(f"{name}: IoU {figures['iou']:.3f}, F1 {figures['f1']:.3f} on test")
    return {"metrics": metrics, "regions": [area.name for area in areas]}


def cells(areas: list[Region], band: str, split: str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One band and the mask of a split's cells, each once, over all regions."""
    index = areas[0].bands.index(band)
    values = np.concatenate([area.images[..., index][area.splits == split] for area in areas])
    return values, np.concatenate([area.masks[area.splits == split] for area in areas])

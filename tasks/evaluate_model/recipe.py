"""Predict each region as maps are made, measure on the test tiles, draw."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tasks.contract.errors import BadData
from tasks.evaluate_model.judging import TestTiles, judged
from tasks.evaluate_model.pictures import candidate_and_truth, curve
from tasks.science.dataset import Region, regions
from tasks.science.windowed import predicted_whole


def run(job: Any) -> dict[str, Any]:
    """Write metrics.json, pr_curve.png and a picture of each region."""
    model, champion, params = job.one("model"), job.maybe("champion"), job.params
    areas = regions(job.many("stacks"), job.many("masks"))
    baselines = job.one("baselines").properties["metrics"]
    maps = [whole_map(model, area) for area in areas]
    threshold = model.properties["threshold"]
    tiles = [TestTiles.of(area, found) for area, found in zip(areas, maps, strict=True)]
    candidate = judged(tiles, threshold, seed=params.seed, draws=params.draws)
    reigning = None
    missing = sorted(set(champion.properties["bands"]) - set(areas[0].bands)) if champion else []
    if missing:
        print(
            f"the champion reads bands {', '.join(missing)}, which these stacks do not have: it is not compared"
        )
    if champion and not missing:
        its_tiles = [TestTiles.of(area, whole_map(champion, area)) for area in areas]
        reigning = judged(its_tiles, champion.properties["threshold"], seed=params.seed, draws=params.draws)
    title = f"{model.properties['target']}{' (synthetic)' if model.properties.get('synthetic') else ''}"
    for area, found in zip(areas, maps, strict=True):
        for name, figure in candidate_and_truth(area, found, threshold, f"{title}, {area.name}").items():
            figure.savefig(job.out / f"{area.name}-{name}.png")
    curve(tiles, candidate["pooled"], baselines, title).savefig(job.out / "pr_curve.png", dpi=120)
    result = {"candidate": candidate, "champion": reigning, "baselines": baselines}
    (job.out / "metrics.json").write_text(json.dumps(result, indent=1, sort_keys=True))
    print(report(candidate["pooled"]))
    return {
        "subject": model.digest,
        "champion": champion.digest if champion else None,
        "target": model.properties["target"],
        "regions": [area.name for area in areas],
        "threshold": threshold,
        "metrics": candidate["pooled"],
        "metrics_by_region": candidate["regions"],
        "champion_metrics": reigning and reigning["pooled"],
        "champion_misses_bands": missing,
        "baselines": baselines,
    }


def whole_map(model: Any, region: Region) -> NDArray[np.float32]:
    """The model's probability of a whole region (H, W), in windows as large as prediction's."""
    missing = set(model.properties["bands"]) - set(region.bands)
    if missing:
        raise BadData(
            f"model {model.key} reads bands {sorted(missing)}, the stack of {region.name} has "
            f"{', '.join(region.bands)}; derive the stack with the model's band set"
        )
    bands = region.bands_whole()[..., [region.bands.index(name) for name in model.properties["bands"]]]
    return predicted_whole(
        bands, predictor(model), halo=model.properties["halo_px"], levels=model.properties["levels"]
    )


def predictor(model: Any) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The SavedModel as a function of bands (h, w, C) to probability (h, w)."""
    signature = tf.saved_model.load(str(model.folder("saved_model"))).signatures["serving_default"]
    return lambda bands: signature(bands=tf.constant(bands[None]))["probability"][0, ..., 0].numpy()


def report(figures: dict[str, Any]) -> str:
    """A line for the log."""
    low, high = figures["iou_interval"]
    return (
        f"test: IoU {figures['iou']:.3f} ({low:.3f} to {high:.3f} over {figures['blocks']} blocks), "
        f"F1 {figures['f1']:.3f}, precision {figures['precision']:.3f}, recall {figures['recall']:.3f}, "
        f"PR-AUC {figures['pr_auc']:.3f}, loss {figures['loss']:.3f}, accuracy {figures['accuracy']:.3f} "
        f"(all background {figures['all_background_accuracy']:.3f})"
    )

"""The same tiles through the SavedModel in this process and through the server, over gRPC and REST."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.client import GrpcClient, RestClient
from tasks.job import Job
from tasks.verify_model.parity import golden_tiles, max_abs_difference


def run(job: Job) -> dict[str, Any]:
    """Whether the server answers as the model does. A no is for `promote` to act on: it withdraws the release."""
    name, version, model = job.params.model, job.state["version"], job.one("model")
    shards = [np.load(tiles.file("tiles.npy"), mmap_mode="r") for tiles in job.many("tiles")]
    tiles = golden_tiles(shards, job.params.tiles)
    ours = in_process(str(model.folder("saved_model")), tiles)
    with GrpcClient.connect() as client:
        by_grpc = client.predict(name, version, {"bands": tiles})["probability"]
    by_rest = RestClient().predict(name, version, {"bands": tiles[:1].tolist()})
    differences = {
        "grpc": max_abs_difference(ours, np.asarray(by_grpc, np.float32)),
        "rest": max_abs_difference(ours[:1], np.asarray(by_rest, np.float32)),
    }
    properties = judge(differences, job.params.tolerance) | {
        "model": name,
        "version": version,
        "subject": model.digest,
        "tiles": len(tiles),
    }
    (job.out / "parity.json").write_text(json.dumps(properties, indent=1))
    return properties


def judge(differences: dict[str, float], tolerance: float) -> dict[str, Any]:
    """Whether the differences (by protocol) are within the tolerance; an infinite one is told as None."""
    reasons = [
        f"over {protocol} the server differs from the model by {difference:.3g}, at most {tolerance:g} is allowed"
        for protocol, difference in differences.items()
        if not difference <= tolerance
    ]
    largest = max(differences.values())
    return {
        "agrees": not reasons,
        "reasons": reasons,
        "max_abs_difference": largest if math.isfinite(largest) else None,
        "tolerance": tolerance,
    }


def in_process(folder: str, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probabilities (N, H, W, 1) of the SavedModel's serving_default."""
    loaded = tf.saved_model.load(folder)
    probability: NDArray[np.float32] = loaded.signatures["serving_default"](bands=tf.constant(tiles))[
        "probability"
    ].numpy()
    return probability

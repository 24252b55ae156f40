"""Golden tiles and the difference between two sets of probabilities. Arrays in, arrays and numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def golden_tiles(shards: Sequence[NDArray[np.float32]], count: int) -> NDArray[np.float32]:
    """`count` tiles (fewer when there are fewer) spread evenly over all shards of (N, H, W, C); nodata (NaN) stays."""
    ends = np.cumsum([len(shard) for shard in shards])
    chosen = np.unique(np.linspace(0, ends[-1] - 1, count).round().astype(int))
    tiles = []
    for number in chosen:
        shard = int(np.searchsorted(ends, number, side="right"))
        tiles.append(np.asarray(shards[shard][number - ends[shard]], np.float32))
    return np.stack(tiles)


def max_abs_difference(ours: NDArray[np.float32], served: NDArray[np.float32]) -> float:
    """The largest difference; infinite where the shapes differ or only one of the two is NaN."""
    if ours.shape != served.shape or not np.array_equal(np.isnan(ours), np.isnan(served)):
        return math.inf
    if np.isnan(ours).all():
        return 0.0
    return float(np.nanmax(np.abs(ours.astype(np.float64) - served)))

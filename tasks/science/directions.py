"""Bands that are a direction turn with the ground when a tile is mirrored or turned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData

DIRECTIONS = frozenset({"eastness", "northness", "aspect"})


def turn_directions(
    images: NDArray[np.float32], bands: Sequence[str], *, mirrored: bool, quarter_turns: int
) -> None:
    """Correct, in place, the directions of `images` (..., C) whose cells were mirrored left to right, then turned left.

    `eastness` and `northness` are the components of a unit vector, `aspect` is in degrees clockwise from north; -1,
    which is flat ground, stays. Raises BadData where a component would become the other, which is not there.
    """
    at = {name: images[..., bands.index(name)] for name in sorted(DIRECTIONS.intersection(bands))}
    quarter_turns %= 4
    if mirrored and "eastness" in at:
        at["eastness"] *= -1
    if quarter_turns == 2:
        for name in at.keys() - {"aspect"}:
            at[name] *= -1
    elif quarter_turns:
        check_turnable(bands)
        if "eastness" in at:
            east, side = at["eastness"].copy(), 1 if quarter_turns == 1 else -1
            at["eastness"][:] = -side * at["northness"]
            at["northness"][:] = side * east
    if "aspect" in at:
        aspect = at["aspect"]
        turned = ((-aspect if mirrored else aspect) - 90 * quarter_turns) % 360
        aspect[:] = np.where(aspect < 0, aspect, turned)


def check_turnable(bands: Sequence[str]) -> None:
    """Raise BadData for eastness without northness, or the other way: no quarter turn can be made of one alone."""
    if ("eastness" in bands) != ("northness" in bands):
        raise BadData(
            "a quarter turn makes northness of eastness: name both in the band set, or neither; found "
            f"{', '.join(bands)}"
        )

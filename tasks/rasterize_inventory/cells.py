"""What a cell is, where several things lie on it.

The first that holds decides:
1. unmapped, nodata and excluded land are unknown;
2. a landslide that counts is a landslide; where several overlap the smallest has the cell;
3. a questionable landslide, one younger than the terrain (where such are ignored) and the surroundings of an uncertain
   one are unknown;
4. all else is background.
So no doubt about one landslide takes a cell from another that counts, nor from itself: a ring inside an uncertain
outline would leave little of a scarp, which is a few cells wide.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

BACKGROUND, UNKNOWN = 0, 255
WEAKEST_FIRST = ("buffer", "younger", "questionable", "landslide", "excluded", "nodata", "unmapped")
STATES = 1 + len(WEAKEST_FIRST)
LANDSLIDE = 1 + WEAKEST_FIRST.index("landslide")


def decided(found: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.uint8]:
    """What each cell is: 0 background, n the n-th of `WEAKEST_FIRST`; `found` says where each lies."""
    state = np.zeros(found["landslide"].shape, np.uint8)
    for code, name in enumerate(WEAKEST_FIRST, 1):
        if name in found:
            state[found[name]] = code
    return state


def labels(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask of what each cell is: 0 background, 1 landslide, 255 unknown."""
    of_state = np.full(STATES, UNKNOWN, np.uint8)
    of_state[[BACKGROUND, LANDSLIDE]] = 0, 1
    return of_state[state]


def unknown_because(counts: NDArray[np.int64]) -> dict[str, int]:
    """Unknown cells by reason; a cell counts for the one that decided."""
    reasons = {name: int(counts[code]) for code, name in enumerate(WEAKEST_FIRST, 1) if code != LANDSLIDE}
    return dict(reversed(reasons.items()))

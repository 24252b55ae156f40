"""What wins where several things lie on one cell."""

from itertools import combinations

import numpy as np
import pytest

from tasks.rasterize_inventory.cells import WEAKEST_FIRST, decided, labels, unknown_because

STRONGEST_FIRST = (
    "unmapped",
    "nodata",
    "excluded",
    "landslide",
    "questionable",
    "younger",
    "buffer",
    "background",
)
LABEL = {"landslide": 1, "background": 0}


def cell(*things: str) -> dict[str, np.ndarray]:
    return {name: np.array([[name in things]]) for name in WEAKEST_FIRST}


@pytest.mark.parametrize(("winner", "other"), list(combinations(STRONGEST_FIRST, 2)))
def test_of_two_things_on_a_cell_the_stronger_labels_it_and_is_counted(winner, other):
    state = decided(cell(winner, other))
    assert labels(state).item() == LABEL.get(winner, 255)
    counts = unknown_because(np.bincount(state.ravel(), minlength=8))
    assert counts == {name: int(name == winner) for name in STRONGEST_FIRST if name not in LABEL}


def test_everything_at_once_is_unmapped():
    state = decided(cell(*WEAKEST_FIRST))
    assert WEAKEST_FIRST[state.item() - 1] == "unmapped"

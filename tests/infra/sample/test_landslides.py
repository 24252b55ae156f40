from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infra.sample.landslides import Slide, imprint
from infra.sample.placement import imprint_landslides

CELL_M = 10.0
SLIDE = Slide(1, 90.0, 120.0, np.pi / 2, 520.0, 240.0, 0.15, 0.3, seed=3)  # moves east


@pytest.fixture
def slope() -> np.ndarray:
    """A hillside that falls a third to the east."""
    return np.tile(np.arange(260, 0, -1, dtype=np.float32) * CELL_M / 3, (220, 1))


@pytest.mark.parametrize("age", [0.0, 0.5, 1.0])
def test_what_slides_off_is_laid_down(slope, age):
    made = imprint(replace(SLIDE, age=age), slope, CELL_M)
    moved = np.clip(made.change, 0, None).sum(dtype=float)
    assert moved > 1000
    assert abs(made.change.sum(dtype=float)) < 1e-4 * moved


def test_scarp_is_lowered_deposit_raised_and_they_do_not_overlap(slope):
    made = imprint(SLIDE, slope, CELL_M)
    assert made.change[made.scarp].mean() < -2.0
    assert made.change[made.deposit].sum() > 0.0
    assert not (made.scarp & made.deposit).any()


def test_deposit_lies_downslope_of_the_scarp(slope):
    made = imprint(SLIDE, slope, CELL_M)
    assert np.nonzero(made.deposit)[1].mean() > np.nonzero(made.scarp)[1].mean() + 10


def test_old_slides_are_smoother(slope):
    fresh, old = (imprint(replace(SLIDE, age=age), slope, CELL_M).change for age in (0.0, 1.0))
    assert np.abs(np.diff(old, 2, axis=1)).max() < 0.5 * np.abs(np.diff(fresh, 2, axis=1)).max()


def test_a_slide_that_would_leave_the_grid_is_none(slope):
    assert imprint(replace(SLIDE, col=8.0), slope, CELL_M) is None


def test_slides_face_downhill_and_keep_apart(slope):
    nothing = np.zeros(slope.shape, dtype=bool)
    made = imprint_landslides(slope, CELL_M, 6, seed=5, taken=nothing, border=nothing)
    assert len(made.slides) >= 2
    assert all(abs(np.degrees(slide.bearing) - 90.0) < 30.0 for slide in made.slides)
    assert not ((made.scarp > 0) & (made.deposit > 0)).any()
    assert set(np.unique(made.scarp)) == set(np.unique(made.deposit)) == {0, *(s.number for s in made.slides)}


def test_no_slides_on_a_plain():
    flat, nothing = np.zeros((200, 200), dtype=np.float32), np.zeros((200, 200), dtype=bool)
    assert imprint_landslides(flat, CELL_M, 5, seed=5, taken=nothing, border=nothing).slides == ()

from __future__ import annotations

import numpy as np
import pytest

from infra.sample.drainage import downstream, drainage, incise, upstream_area
from infra.sample.landscape import Stage, landscape

CELL_M = 20.0


def sea_west(shape: tuple[int, int]) -> np.ndarray:
    outlet = np.zeros(shape, dtype=bool)
    outlet[:, 0] = True
    return outlet


@pytest.fixture
def rough() -> np.ndarray:
    """A ramp to the west, full of pits."""
    rng = np.random.default_rng(1)
    return (np.arange(50) * 2.0 + 8.0 * rng.standard_normal((40, 50))).astype(np.float32)


def test_water_of_a_plane_flows_straight_down():
    plane = np.tile(np.arange(30, dtype=np.float32), (20, 1))
    area = upstream_area(drainage(plane, sea_west(plane.shape), CELL_M), CELL_M).reshape(plane.shape)
    np.testing.assert_allclose(area, np.tile(np.arange(30, 0, -1) * CELL_M**2, (20, 1)))


def test_all_water_reaches_the_sea_out_of_pits_too(rough):
    outlet = sea_west(rough.shape)
    tree = drainage(rough, outlet, CELL_M)
    area = upstream_area(tree, CELL_M)
    assert area[outlet.ravel()].sum() == pytest.approx(rough.size * CELL_M**2)
    assert outlet.ravel()[downstream(tree.receiver, outlet.ravel())].all()


def test_a_pit_spills_over_its_lowest_rim():
    z = np.full((7, 7), 9.0, dtype=np.float32)
    z[:, 0], z[3, 3], z[3, 4], z[3, 2], z[3, 1] = 0.0, 1.0, 8.0, 5.0, 4.0
    tree = drainage(z, sea_west(z.shape), CELL_M)
    assert tree.receiver[3 * 7 + 3] == 3 * 7 + 1  # the first cell beyond the rim of 5 m


def test_incision_lowers_but_never_below_the_receiver(rough):
    tree = drainage(rough, sea_west(rough.shape), CELL_M)
    cut = incise(rough, tree, np.full(rough.size, 15.0, dtype=np.float32), steepest=0.3)
    assert (cut <= rough).all()
    falls = (cut.ravel() - cut.ravel()[tree.receiver]) / tree.distance_m
    assert falls.max() <= 0.3 + 1e-4
    assert (falls[rough.ravel() >= rough.ravel()[tree.receiver]] >= -1e-4).all()


def test_same_seed_same_terrain_another_seed_another():
    stages = (Stage(4, 10, 3e4), Stage(1, 1, 1e4))
    one, again, other = (landscape((64, 96), 10.0, seed, stages=stages) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1.0


def test_a_shape_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="divide by 8"):
        landscape((100, 96), 10.0, 1)

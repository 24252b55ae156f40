"""Statistics of the training cells."""

import numpy as np
import pytest

from tasks.contract.errors import BadData
from tasks.train_unet.normalisation import curved, fit

CELLS = np.random.default_rng(1).normal([10.0, 0.0, -2.0], [4.0, 30.0, 1.0], (5000, 3)).astype(np.float32)
CELLS[:, 2] = np.exp(CELLS[:, 2])
BANDS = ("slope", "curvature", "roughness")
CURVES = {"curvature": "asinh", "roughness": "log"}


def normalised(cells, scaling):
    values = (curved(cells, scaling.curve, scaling.unit) - scaling.offset) / scaling.scale
    return np.clip(values, scaling.low, scaling.high)


def test_robust_scaling_puts_the_median_at_0_and_the_quartiles_1_apart():
    for index, scaling in enumerate(fit(CELLS, BANDS, "robust", CURVES, clip=5)):
        first, median, third = np.quantile(
            normalised(CELLS[:, index].astype(float), scaling), [0.25, 0.5, 0.75]
        )
        assert median == pytest.approx(0, abs=1e-3)
        assert third - first == pytest.approx(1, abs=1e-3)


def test_one_odd_peak_moves_min_max_but_not_robust_scaling():
    odd = np.vstack([CELLS, np.full((1, 3), 1e6, np.float32)])
    robust, peaked = (fit(cells, BANDS, "robust", {}, clip=5)[0] for cells in (CELLS, odd))
    assert peaked.scale == pytest.approx(robust.scale, rel=0.01)
    assert fit(odd, BANDS, "minmax", {}, clip=5)[0].scale > 1e5


def test_min_max_maps_the_training_cells_onto_0_to_1():
    for index, scaling in enumerate(fit(CELLS, BANDS, "minmax", {}, clip=5)):
        values = normalised(CELLS[:, index].astype(float), scaling)
        assert (values.min(), values.max()) == (pytest.approx(0), pytest.approx(1))


def test_unknown_cells_are_left_out():
    gaps = np.vstack([CELLS, np.full((500, 3), np.nan, np.float32)])
    assert fit(gaps, BANDS, "robust", CURVES, clip=5) == fit(CELLS, BANDS, "robust", CURVES, clip=5)


def test_a_flat_band_does_not_divide_by_zero():
    (flat,) = fit(np.zeros((10, 1), np.float32), ("slope",), "robust", {}, clip=5)
    assert flat.scale == 1


def test_a_band_without_a_value_is_named():
    with pytest.raises(BadData, match="band roughness has no value"):
        fit(np.where([0, 0, 1], np.nan, CELLS).astype(np.float32), BANDS, "robust", {}, clip=5)

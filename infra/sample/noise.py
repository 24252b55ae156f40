"""Random fields that look the same whatever the grid: seeded, smooth, unit variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]


def rng_of(seed: int, *stream: int) -> np.random.Generator:
    """Generator of one named stream of a seed: what one part draws never shifts another part's numbers."""
    return np.random.default_rng([seed, *stream])


def smooth_noise(shape: tuple[int, int], wavelength: float, rng: np.random.Generator) -> Field:
    """White noise on a lattice of half the `wavelength` (cells), interpolated with cubic splines; mean 0, sd 1."""
    step = max(wavelength / 2.0, 1.0)
    rows, cols = (int(np.ceil(n / step)) + 4 for n in shape)
    lattice = rng.standard_normal((rows, cols))
    if step == 1.0:
        return _standard(lattice[: shape[0], : shape[1]])
    offset = rng.uniform(0.5, 1.5, 2)
    matrix = np.array([1.0 / step, 1.0 / step])
    return _standard(
        ndimage.affine_transform(lattice, matrix, offset, output_shape=shape, order=3, mode="nearest")
    )


def strike_noise(
    shape: tuple[int, int], wavelength: float, stretch: float, strike_deg: float, rng: np.random.Generator
) -> Field:
    """Smooth noise drawn out `stretch` times along `strike_deg` (clockwise from north), as folded rocks crop out."""
    diagonal = int(np.hypot(*shape)) + 8
    across = smooth_noise((diagonal, int(diagonal / stretch) + 8), wavelength, rng)
    angle = np.radians(strike_deg)
    along = np.array([-np.cos(angle), np.sin(angle)]) / stretch
    cross = np.array([np.sin(angle), np.cos(angle)])
    matrix = np.array([cross, along])
    centre = np.array([(n - 1) / 2.0 for n in across.shape])
    offset = centre - matrix @ (np.array([n - 1 for n in shape]) / 2.0)
    return _standard(
        ndimage.affine_transform(across, matrix, offset, output_shape=shape, order=1, mode="nearest")
    )


def _standard(field: NDArray[np.float64] | Field) -> Field:
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)

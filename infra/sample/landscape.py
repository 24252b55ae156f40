"""A fluvial landscape by code: stream-power incision, threshold hillslopes and creep, from coarse to fine grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from infra.sample.drainage import Field, downstream, drainage, incise, upstream_area
from infra.sample.noise import rng_of, smooth_noise, strike_noise

_ROCK, _UPLIFT, _START, _TEXTURE = range(4)


@dataclass(frozen=True)
class Climate:
    """What drives the relief. Rates per year; the area exponent m is 0.5, the slope exponent n is 1."""

    uplift_m: float = 2.6e-4
    erodibility: float = 1.6e-5
    creep_m2: float = 1.6e-2
    channel_head_m2: float = 2.0e4
    steepest: float = 0.70
    """Gradient of threshold hillslopes (35 degrees)."""
    strike_deg: float = 318.0
    """The Coast Ranges' structural grain."""


@dataclass(frozen=True)
class Stage:
    """Steps of `years` on a grid `coarsen` times as coarse as the final one."""

    coarsen: int
    steps: int
    years: float


STAGES = (Stage(8, 70, 3.0e4), Stage(4, 24, 2.0e4), Stage(2, 8, 1.2e4), Stage(1, 2, 8.0e3))


def landscape(
    shape: tuple[int, int],
    cell_m: float,
    seed: int,
    climate: Climate = Climate(),
    stages: tuple[Stage, ...] = STAGES,
) -> Field:
    """Elevation in metres, float32. Both sides of `shape` must divide by the coarsest stage.

    Starts from a ramp with 2 m noise that drains west and south; rock strength and uplift vary along the strike.
    """
    coarsest = max(stage.coarsen for stage in stages)
    if any(n % coarsest for n in shape):
        raise ValueError(f"shape must divide by {coarsest}, got {shape}")
    rock = np.exp(0.45 * rock_noise(shape, seed, climate.strike_deg))
    lift = 1.0 + 0.3 * np.clip(smooth_noise(shape, 700.0, rng_of(seed, _UPLIFT)), -2, 2)
    z = _ramp((shape[0] // coarsest, shape[1] // coarsest), cell_m * coarsest, seed)
    for stage in stages:
        size = (shape[0] // stage.coarsen, shape[1] // stage.coarsen)
        z = _refine(z, size, seed, stage.coarsen)
        rock_here, lift_here = _coarse(rock, stage.coarsen), _coarse(lift, stage.coarsen)
        z = _evolve(z, rock_here, lift_here, cell_m * stage.coarsen, climate, stage)
    z = alluvium(z, cell_m)
    return z + texture(shape, seed) + np.float32(20.0)


def rock_noise(shape: tuple[int, int], seed: int, strike_deg: float) -> Field:
    """Logarithm of the rock's strength, in bands along the strike; mean 0, sd 1."""
    return strike_noise(shape, 160.0, 3.5, strike_deg, rng_of(seed, _ROCK))


def alluvium(z: Field, cell_m: float, stream_m2: float = 6.0e5) -> Field:
    """Valley floors: sediment along every stream that drains more than `stream_m2`, deeper and wider downstream."""
    tree = drainage(z, _outlet(z.shape), cell_m)
    area = upstream_area(tree, cell_m)
    stream = (area > stream_m2).reshape(z.shape)
    # The stream a cell drains to: the nearest may lie over a divide.
    below = downstream(tree.receiver, stream.ravel())
    fill = 2.0 * (area[below] / stream_m2) ** 0.3
    away = ndimage.distance_transform_edt(~stream).astype(np.float32)
    floor = (z.ravel()[below] + fill).reshape(z.shape) + np.float32(0.025 * cell_m) * away
    floor = np.where(stream.ravel()[below].reshape(z.shape) & (away < 40), floor, z)
    return z + ndimage.gaussian_filter(np.clip(floor - z, 0, None), 1.2)


def texture(shape: tuple[int, int], seed: int) -> Field:
    """Soil, trees fallen and survey noise: decimetres, here more, there less."""
    rng = rng_of(seed, _TEXTURE)
    amount = np.exp(0.6 * smooth_noise(shape, 90.0, rng))
    coarse, fine = smooth_noise(shape, 9.0, rng), smooth_noise(shape, 3.0, rng)
    return amount * (np.float32(0.22) * coarse + np.float32(0.11) * fine)


def _ramp(size: tuple[int, int], cell_m: float, seed: int) -> Field:
    south, east = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32) * np.float32(cell_m)
    ramp = 0.006 * east + 0.003 * (south.max() - south)
    return ramp + 2.0 * rng_of(seed, _START).standard_normal(size).astype(np.float32)


def _refine(z: Field, size: tuple[int, int], seed: int, coarsen: int) -> Field:
    if z.shape == size:
        return z
    finer = ndimage.zoom(z, size[0] / z.shape[0], order=1, grid_mode=True, mode="nearest").astype(np.float32)
    return finer + np.float32(0.15 * coarsen) * smooth_noise(size, 3.0, rng_of(seed, _START, coarsen))


def _coarse(field: Field, factor: int) -> Field:
    rows, cols = field.shape
    return field.reshape(rows // factor, factor, cols // factor, factor).mean(axis=(1, 3))


def _evolve(z: Field, rock: Field, lift: Field, cell_m: float, climate: Climate, stage: Stage) -> Field:
    outlet = _outlet(z.shape)
    spread = np.sqrt(2.0 * climate.creep_m2 * stage.years) / cell_m
    uplift = np.where(outlet, 0.0, climate.uplift_m * stage.years * lift).astype(np.float32)
    for _ in range(stage.steps):
        z = z + uplift
        tree = drainage(z, outlet, cell_m)
        area = upstream_area(tree, cell_m)
        power = np.sqrt(area) * area / (area + np.float32(climate.channel_head_m2))  # hillslopes do not gully
        rate = np.float32(climate.erodibility * stage.years) * power / rock.ravel()
        z = incise(z, tree, rate, climate.steepest)
        edge = z[outlet]
        z = ndimage.gaussian_filter(z, spread, mode="nearest", truncate=3.0)
        z[outlet] = edge
    return z


def _outlet(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The sea: the western and southern edge."""
    outlet = np.zeros(shape, dtype=bool)
    outlet[:, 0] = outlet[-1, :] = True
    return outlet

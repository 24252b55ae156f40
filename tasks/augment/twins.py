"""Twins of tiles: mirrored and turned by imgaug, shifted and roughened, each by draws of the tile's own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from imgaug import augmenters, parameters
from numpy.typing import NDArray

from tasks.science.directions import DIRECTIONS, turn_directions

Amounts = Sequence[tuple[str, float]]


def generator(seed: int, crs: str, row_px: int, col_px: int) -> np.random.Generator:
    """The random numbers of a tile: they depend on the seed and its place on the CRS, on nothing else."""
    digest = hashlib.sha256(f"{seed} {crs} {row_px} {col_px}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16])))


@dataclass(frozen=True)
class Turns:
    """What N tiles are given, in this order: flip left-right, flip up-down, quarter turns to the left."""

    left_right: NDArray[np.bool_]
    up_down: NDArray[np.bool_]
    quarter_turns: NDArray[np.int64]

    @classmethod
    def drawn(cls, generators: Sequence[np.random.Generator], flips: float, rotations: bool) -> Turns:
        """Each flip with probability `flips`; 0 to 3 quarter turns, each as likely, or none."""
        mirrors = np.array([draw.random(2) < flips for draw in generators], bool).reshape(-1, 2)
        turns = [int(draw.integers(4)) if rotations else 0 for draw in generators]
        return cls(mirrors[:, 0], mirrors[:, 1], np.array(turns, np.int64))

    def of(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """(N, t, t, C) mirrored and turned; every value stays what it is."""
        steps = [augmenters.Fliplr(Given(self.left_right)), augmenters.Flipud(Given(self.up_down))]
        if self.quarter_turns.any():
            steps.append(
                augmenters.Rot90(Given(-self.quarter_turns % 4), keep_size=False)
            )  # imgaug's are clockwise
        return np.asarray(augmenters.Sequential(steps).augment_images(tiles))

    def correct(self, images: NDArray[np.float32], bands: Sequence[str]) -> None:
        """Turn the bands that are directions, in place. Up-down is left-right and a half turn."""
        if DIRECTIONS.isdisjoint(bands):
            return
        mirrored, turns = self.left_right != self.up_down, (2 * self.up_down + self.quarter_turns) % 4
        for mirror in (False, True):
            for turn in range(4):
                here = (mirrored == mirror) & (turns == turn)
                if here.any() and (mirror or turn):
                    chosen = images[here]
                    turn_directions(chosen, bands, mirrored=mirror, quarter_turns=turn)
                    images[here] = chosen


class Given(parameters.StochasticParameter):  # type: ignore[misc]
    """An imgaug parameter with a value for each image: drawn by the tile, not in the order of a batch."""

    def __init__(self, values: NDArray[Any]) -> None:
        super().__init__()
        self.values = values

    def _draw_samples(self, size: tuple[int, ...], random_state: Any) -> NDArray[Any]:
        if size != self.values.shape:
            raise ValueError(f"{len(self.values)} values for {size} images")
        return self.values


def shift(
    images: NDArray[np.float32], bands: Sequence[str], by: Amounts, generators: Sequence[np.random.Generator]
) -> None:
    """Add one value to each tile's band, in place, evenly drawn between plus and minus the amount."""
    for band, amount in by:
        drawn = np.array([draw.uniform(-amount, amount) for draw in generators], np.float32)
        images[..., bands.index(band)] += drawn[:, None, None]


def roughen(
    images: NDArray[np.float32], bands: Sequence[str], by: Amounts, generators: Sequence[np.random.Generator]
) -> None:
    """Add normal noise of the standard deviation given to the band, cell by cell, in place."""
    for band, sd in by:
        index = bands.index(band)
        for image, draw in zip(images, generators, strict=True):
            image[..., index] += sd * draw.standard_normal(image.shape[:2], np.float32)

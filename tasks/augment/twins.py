"""Twins of tiles: mirrored and turned by imgaug, shifted and roughened, each by draws of the tile's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from imgaug.augmenters.flip import fliplr, flipud
from numpy.typing import NDArray

from tasks.science.directions import DIRECTIONS, turn_directions

Amounts = Sequence[tuple[str, float]]


def draws(seed: int, crs: str, places: Iterable[tuple[int, int]]) -> NDArray[np.uint64]:
    """Four random numbers for each tile, (N, 4): they depend on the seed and its place on the CRS, on nothing else."""
    texts = (f"{seed} {crs} {row_px} {col_px}" for row_px, col_px in places)
    digests = b"".join(hashlib.sha256(text.encode()).digest() for text in texts)
    return np.frombuffer(digests, ">u8").reshape(-1, 4).astype(np.uint64)


def generators(drawn: NDArray[np.uint64]) -> Iterator[np.random.Generator]:
    """More random numbers of each tile, from its fourth."""
    return (np.random.Generator(np.random.PCG64(int(number))) for number in drawn[:, 3])


@dataclass(frozen=True)
class Turns:
    """What N tiles are given, in this order: flip left-right, flip up-down, quarter turns to the left."""

    left_right: NDArray[np.bool_]
    up_down: NDArray[np.bool_]
    quarter_turns: NDArray[np.int64]

    @classmethod
    def drawn(cls, numbers: NDArray[np.uint64], flips: float, rotations: bool) -> Turns:
        """Each flip with probability `flips`; 0 to 3 quarter turns, each as likely, or none."""
        mirrors = (numbers[:, :2] >> np.uint64(11)) / 2.0**53 < flips
        turns = (numbers[:, 2] % np.uint64(4)).astype(np.int64)
        return cls(mirrors[:, 0], mirrors[:, 1], turns if rotations else np.zeros_like(turns))

    def of(self, tiles: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """N tiles (t, t) or (t, t, C) mirrored and turned, as one array; every value stays what it is."""
        made = np.empty((len(tiles), *tiles[0].shape), tiles[0].dtype)
        given = zip(self.left_right, self.up_down, self.quarter_turns, strict=True)
        for goal, tile, (left_right, up_down, quarter_turns) in zip(made, tiles, given, strict=True):
            mirrored = fliplr(tile) if left_right else tile
            mirrored = flipud(mirrored) if up_down else mirrored
            goal[...] = np.rot90(mirrored, quarter_turns) if quarter_turns else mirrored
        return made

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


def shift(
    images: NDArray[np.float32], bands: Sequence[str], by: Amounts, draw: Sequence[np.random.Generator]
) -> None:
    """Add one value to each tile's band, in place, evenly drawn between plus and minus the amount."""
    for band, amount in by:
        drawn = np.array([one.uniform(-amount, amount) for one in draw], np.float32)
        images[..., bands.index(band)] += drawn[:, None, None]


def roughen(
    images: NDArray[np.float32], bands: Sequence[str], by: Amounts, draw: Sequence[np.random.Generator]
) -> None:
    """Add normal noise of the standard deviation given to the band, cell by cell, in place."""
    for band, sd in by:
        index = bands.index(band)
        for image, one in zip(images, draw, strict=True):
            image[..., index] += sd * one.standard_normal(image.shape[:2], np.float32)

"""What a training step sees: crops out of the whole map, or whole tiles, in all eight turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData
from tasks.science.directions import DIRECTIONS, check_turnable, turn_directions

UNKNOWN = 255
Images = NDArray[np.float32]
Masks = NDArray[np.uint8]


@dataclass(frozen=True)
class Mosaic:
    """One region put together again: bands (H, W, C) and the mask (H, W), 255 outside the training split."""

    bands: Images
    mask: Masks


def turned(image: Images, mask: Masks, turn: int, names: Sequence[str]) -> tuple[Images, Masks]:
    """One of the eight symmetries of the square: turn % 4 quarter turns to the left, from 4 on mirrored first.

    Bands that are a direction turn with the ground.
    """
    if turn >= 4:
        image, mask = image[:, ::-1], mask[:, ::-1]
    image, mask = np.rot90(image, turn % 4), np.rot90(mask, turn % 4)
    if turn and not DIRECTIONS.isdisjoint(names):
        image = image.copy()
        turn_directions(image, names, mirrored=turn >= 4, quarter_turns=turn)
    return image, mask


class Crops:
    """Square crops round training cells, a share of them round positive ones, some from the augmented tiles.

    Crop `i` of seed `s` is always the same, whatever was drawn before it.
    """

    def __init__(
        self,
        mosaics: Sequence[Mosaic],
        augmented: tuple[Images, Masks],
        names: Sequence[str],
        *,
        size: int,
        positive_share: float,
        augmented_share: float,
        seed: int,
    ) -> None:
        self.mosaics, self.augmented, self.names, self.size = tuple(mosaics), augmented, list(names), size
        self.positive_share, self.seed = positive_share, seed
        check_turnable(self.names)
        self.augmented_share = augmented_share if len(augmented[0]) else 0.0
        self.positives = [np.flatnonzero(m.mask == 1) for m in self.mosaics]
        self.trained = [np.flatnonzero(m.mask != UNKNOWN) for m in self.mosaics]
        if not sum(map(len, self.positives)):
            raise BadData("no positive cell in the training split; change split_seed or block_tiles")

    def batch(self, number: int, size: int) -> tuple[Images, Masks]:
        """Batch `number`: images (size, h, w, C) and masks (size, h, w, 1)."""
        rng = np.random.default_rng((self.seed, number))
        pairs = [turned(*self._draw(rng), int(rng.integers(8)), self.names) for _ in range(size)]
        return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])[..., None]

    def _draw(self, rng: np.random.Generator) -> tuple[Images, Masks]:
        if rng.random() < self.augmented_share:
            tile = int(rng.integers(len(self.augmented[0])))
            return self.augmented[0][tile], self.augmented[1][tile]
        cells = self.positives if rng.random() < self.positive_share else self.trained
        weights = np.array([len(c) for c in cells], np.float64)
        region = int(
            rng.choice(len(cells), p=weights / weights.sum())
        )  # every cell is as likely as any other
        return self._round(self.mosaics[region], int(cells[region][rng.integers(len(cells[region]))]))

    def _round(self, mosaic: Mosaic, cell: int) -> tuple[Images, Masks]:
        height, width = mosaic.mask.shape
        row = int(np.clip(cell // width - self.size // 2, 0, height - self.size))
        col = int(np.clip(cell % width - self.size // 2, 0, width - self.size))
        window = np.s_[row : row + self.size, col : col + self.size]
        return mosaic.bands[window], mosaic.mask[window]

"""Mirror a tile and its mask together, as imgaug's Fliplr and Flipud draw it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from imgaug import augmenters
from imgaug.augmentables.kps import Keypoint, KeypointsOnImage
from imgaug.augmentables.segmaps import SegmentationMapsOnImage
from numpy.typing import NDArray

# A band that is a component of a direction points the other way in the mirror.
TURNED_BY = {"eastness": "left_right", "northness": "up_down"}


class Flips:
    """Flips left-right and up-down, each with probability `share`, drawn per tile from its place on the CRS."""

    def __init__(self, share: float, seed: int, crs: str, bands: Sequence[str]) -> None:
        self.seed, self.crs, self.bands = seed, crs, tuple(bands)
        self.augmenter = augmenters.Sequential([augmenters.Fliplr(share), augmenters.Flipud(share)])

    def __call__(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8], row: int, col: int
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8], tuple[str, ...]]:
        """The twin of image (h, w, C) and mask (h, w), and the flips it was given; NaN and 255 stay what they are."""
        self.augmenter.seed_(self._entropy(row, col))
        height, width = mask.shape
        # A corner goes along: where it ends up says which flips were drawn.
        corner = KeypointsOnImage([Keypoint(x=0, y=0)], shape=image.shape)
        twin, labels, corner = self.augmenter(
            image=image, segmentation_maps=SegmentationMapsOnImage(mask, shape=image.shape), keypoints=corner
        )
        drawn = {"left_right": corner[0].x > width / 2, "up_down": corner[0].y > height / 2}
        for band, flip in TURNED_BY.items():
            if drawn[flip] and band in self.bands:
                twin[..., self.bands.index(band)] *= -1
        return twin, labels.get_arr().astype(np.uint8), tuple(name for name, yes in drawn.items() if yes)

    def _entropy(self, row: int, col: int) -> int:
        digest = hashlib.sha256(f"{self.seed} {self.crs} {row} {col}".encode()).digest()
        return int.from_bytes(digest[:4])

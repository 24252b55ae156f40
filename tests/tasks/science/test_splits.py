"""Splits by block: where they are, how far apart, and that they stay."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tasks.science.splits import (
    SPLITS,
    UNKNOWN,
    block_split,
    masked,
    near_border,
    tile_splits,
)

SHARES = (0.7, 0.15, 0.15)
CRS = "EPSG:32610"
PLACES = [((crs, range(40), range(40)), seed) for crs, seed in ((CRS, 1), ("EPSG:32611", 1), (CRS, 2))]


def cells(tiles: np.ndarray, tile_px: int) -> np.ndarray:
    return tiles.repeat(tile_px, 0).repeat(tile_px, 1)


def closest(splits: np.ndarray, kept: np.ndarray) -> float:
    """Chebyshev distance between the nearest kept cells of two splits."""
    places = [np.argwhere((splits == code) & kept) for code in range(len(SPLITS))]
    pairs = [(a, b) for i, a in enumerate(places) for b in places[i + 1 :] if len(a) and len(b)]
    return min(cdist(a, b, "chebyshev").min() for a, b in pairs)


def test_blocks_stay_where_they_are_when_a_region_grows():
    small = tile_splits(CRS, range(-6550, -6530), range(880, 902), 4, SHARES, 1)
    grown = tile_splits(CRS, range(-6561, -6520), range(871, 930), 4, SHARES, 1)
    np.testing.assert_array_equal(grown[11:31, 9:31], small)


def test_a_block_is_one_split_and_depends_on_seed_and_crs():
    tiles = tile_splits(CRS, range(-8, 8), range(-8, 8), 4, SHARES, 1)
    assert all(
        len(np.unique(tiles[r : r + 4, c : c + 4])) == 1 for r in range(0, 16, 4) for c in range(0, 16, 4)
    )
    here, *others = (tile_splits(*place, 1, SHARES, seed) for place, seed in PLACES)
    assert all((other != here).any() for other in others)


def test_the_hash_is_this_one_for_ever():
    found = [block_split(CRS, -1092, col, SHARES, 1) for col in range(146, 158)]
    assert found == [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def test_shares_are_kept_on_many_blocks():
    tiles = tile_splits(CRS, range(100), range(100), 1, SHARES, 7)
    np.testing.assert_allclose(np.bincount(tiles.ravel()) / tiles.size, SHARES, atol=0.02)


@pytest.mark.parametrize("buffer_px", [1, 2, 5, 6, 21])
def test_kept_cells_of_two_splits_are_at_least_the_buffer_apart(buffer_px):
    splits = cells(tile_splits(CRS, range(4), range(4), 1, (0.4, 0.3, 0.3), 3), 24)
    kept = ~near_border(splits, buffer_px)
    assert buffer_px <= closest(splits, kept) <= buffer_px + 1


def test_107_cells_apart_and_without_a_buffer_splits_touch():
    strip = np.zeros((2, 300), np.uint8)
    strip[:, 150:] = 2
    assert closest(strip, ~near_border(strip, 0)) == 1
    assert closest(strip, ~near_border(strip, 107)) == 107


def test_what_strays_from_home_and_what_is_near_another_split_is_unknown():
    splits = np.zeros((10, 20), np.uint8)
    splits[:, 10:] = 1
    landslides = np.zeros((10, 20), np.uint32)
    landslides[2:4, 8:16] = 1
    landslides[6:8, 2:5] = 2
    mask, home = (landslides > 0).astype(np.uint8), np.array([0, 1, 0], np.uint8)
    found = masked(mask, landslides, splits, near_border(splits, 0), home)
    assert (found[2:4, 8:10] == UNKNOWN).all()
    assert (found[2:4, 10:16] == 1).all()
    assert (found[6:8, 2:5] == 1).all()
    assert (found == UNKNOWN).sum() == 4
    np.testing.assert_array_equal(
        masked(mask, landslides, splits, near_border(splits, 4), home)[:, 8:12], UNKNOWN
    )

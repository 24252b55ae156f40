"""Cut and mosaic."""

import numpy as np
import pytest

from tasks.science.tiles import cut, cut_at, mosaic


@pytest.mark.parametrize("shape", [(128, 192), (128, 192, 3)])
def test_mosaic_undoes_cut(shape):
    raster = np.random.default_rng(1).random(shape)
    np.testing.assert_array_equal(mosaic(cut(raster, 64), 2, 3), raster)


def test_tiles_run_along_the_rows():
    tiles = cut(np.arange(4 * 6).reshape(4, 6), 2)
    np.testing.assert_array_equal(tiles[1], [[2, 3], [8, 9]])
    np.testing.assert_array_equal(tiles[3], [[12, 13], [18, 19]])


def test_a_partial_tile_is_an_error():
    with pytest.raises(ValueError, match="100 x 64 cells are not whole tiles"):
        cut(np.zeros((100, 64)), 64)


def test_tiles_at_any_place_show_what_lies_there():
    raster = np.random.default_rng(1).random((2, 40, 50))
    rows, cols = np.array([0, 24, 7]), np.array([0, 34, 11])
    for tile, row, col in zip(cut_at(raster, rows, cols, 16), rows, cols, strict=True):
        np.testing.assert_array_equal(np.moveaxis(tile, -1, 0), raster[:, row : row + 16, col : col + 16])
    np.testing.assert_array_equal(cut_at(raster[0], rows, cols, 16), cut_at(raster, rows, cols, 16)[..., 0])
    with pytest.raises(IndexError):
        cut_at(raster, np.array([25]), np.array([0]), 16)


def test_the_partition_cut_at_its_places_is_the_raster_cut():
    raster = np.random.default_rng(1).random((3, 64, 96)).astype(np.float32)
    rows, cols = (np.array(list(np.ndindex(2, 3))) * 32).T
    np.testing.assert_array_equal(cut_at(raster, rows, cols, 32), cut(np.moveaxis(raster, 0, -1), 32))

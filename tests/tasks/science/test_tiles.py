"""Cut and mosaic."""

import numpy as np
import pytest

from tasks.science.tiles import cut, mosaic


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

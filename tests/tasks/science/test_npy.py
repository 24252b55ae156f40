"""A .npy written in pieces is the one that numpy writes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tasks.science.npy import written_npy


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("shape", [(37, 16, 16, 3), (37, 16, 16), (0, 16, 16)])
def test_pieces_in_any_order_by_several_threads_are_what_numpy_saves(tmp_path, dtype, shape):
    array = np.random.default_rng(1).integers(0, 255, shape).astype(dtype)
    with written_npy(tmp_path / "pieces.npy", dtype, shape) as write, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda first: write(first, array[first : first + 5]), range(0, shape[0], 5)[::-1]))
    np.save(tmp_path / "whole.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "pieces.npy", mmap_mode="r"), array)
    assert (tmp_path / "pieces.npy").stat().st_size == (tmp_path / "whole.npy").stat().st_size


def test_what_is_not_contiguous_is_written_as_it_reads(tmp_path):
    array = np.arange(4 * 6 * 5, dtype=np.float32).reshape(4, 6, 5)
    with written_npy(tmp_path / "turned.npy", np.float32, (4, 5, 6)) as write:
        write(0, array.transpose(0, 2, 1)[:, ::-1])
    np.testing.assert_array_equal(np.load(tmp_path / "turned.npy"), array.transpose(0, 2, 1)[:, ::-1])


@pytest.mark.parametrize(
    ("first", "rows"),
    [
        (3, np.zeros((2, 8), np.float32)),
        (-1, np.zeros((1, 8), np.float32)),
        (0, np.zeros((1, 7), np.float32)),
        (0, np.zeros((1, 8), np.float64)),
    ],
)
def test_what_does_not_fit_is_refused_before_a_byte_is_written(tmp_path, first, rows):
    with (
        written_npy(tmp_path / "a.npy", np.float32, (4, 8)) as write,
        pytest.raises(ValueError, match="do not fit"),
    ):
        write(first, rows)
    assert not np.load(tmp_path / "a.npy").any()

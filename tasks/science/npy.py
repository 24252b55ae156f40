"""Large arrays as plain .npy files, written piece by piece."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from numpy.typing import NDArray

Write = Callable[[int, NDArray[Any]], None]
"""Puts rows (along the first axis) into the array, from this row on."""


@contextmanager
def written_npy(
    path: Path, dtype: np.dtype[Any] | type[np.generic], shape: tuple[int, ...]
) -> Iterator[Write]:
    """A new array's file, and what writes into it, from several threads at once. Rows never written are zeros."""
    kind = np.dtype(dtype)
    with path.open("wb", buffering=0) as file:
        write_array_header_1_0(file, {"descr": dtype_to_descr(kind), "fortran_order": False, "shape": shape})
        start, row_bytes = file.tell(), kind.itemsize * int(np.prod(shape[1:]))

        def write(first: int, rows: NDArray[Any]) -> None:
            if rows.dtype != kind or rows.shape[1:] != shape[1:] or not 0 <= first <= shape[0] - len(rows):
                raise ValueError(
                    f"{rows.shape} of {rows.dtype} from row {first} on do not fit {shape} of {kind}"
                )
            data, place = (
                np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data,
                start + first * row_bytes,
            )
            while data:
                done = os.pwrite(file.fileno(), data, place)
                data, place = data[done:], place + done

        if path.is_file():
            file.truncate(start + shape[0] * row_bytes)
        yield write

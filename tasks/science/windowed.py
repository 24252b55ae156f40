"""A map made in windows that equals, cell for cell, the map made whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData
from tasks.science.windows import Window, windows

Read = Callable[[Window], NDArray[np.float32]]
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
WINDOW_PX = 1024


def with_halo(window: Window, halo: int, height: int, width: int) -> Window:
    """The window grown by `halo`, but not beyond the raster.

    At the raster's edge a network pads with zeros, whether it is given the whole or a window; cells made up
    beyond the edge would give another map.
    """
    row, col = max(window.row - halo, 0), max(window.col - halo, 0)
    bottom = min(window.row + window.height + halo, height)
    right = min(window.col + window.width + halo, width)
    return Window(row, col, bottom - row, right - col)


def predicted(
    read: Read, predict: Predict, height: int, width: int, *, halo: int, levels: int, size: int = WINDOW_PX
) -> Iterator[tuple[Window, NDArray[np.float32]]]:
    """Each window of the raster with its probability (h, w); NaN where a band is unknown.

    `read` gives a window's bands (h, w, C) with NaN for nodata, `predict` turns bands into a probability
    (h, w). Size, halo and raster must lie on the pooling grid of 2^levels cells, or windows would pool other
    cells together than the whole does. Raises BadData otherwise.
    """
    grid = 2**levels
    if size % grid or halo % grid or height % grid or width % grid:
        raise BadData(
            f"a map of {height} x {width} cells in windows of {size} with a halo of {halo} is not on the model's "
            f"grid of {grid} cells; raster, window and halo must be multiples of it"
        )
    for window in windows(height, width, size):
        outer = with_halo(window, halo, height, width)
        bands = read(outer)
        inner = window.shifted(-outer.row, -outer.col).slices
        probability = predict(bands)[inner].astype(np.float32)
        probability[np.isnan(bands[inner]).any(axis=-1)] = np.nan
        yield window, probability


def predicted_whole(
    bands: NDArray[np.float32], predict: Predict, *, halo: int, levels: int, size: int = WINDOW_PX
) -> NDArray[np.float32]:
    """The probability (H, W) of bands (H, W, C) that fit in memory."""
    height, width = bands.shape[:2]
    result: NDArray[Any] = np.empty((height, width), np.float32)
    read: Read = lambda window: bands[window.slices]  # noqa: E731
    for window, probability in predicted(read, predict, height, width, halo=halo, levels=levels, size=size):
        result[window.slices] = probability
    return result

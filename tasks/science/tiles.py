"""A raster as square tiles, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def cut(raster: NDArray[Any], tile_px: int) -> NDArray[Any]:
    """(rows * tile_px, cols * tile_px, ...) -> (rows * cols, tile_px, tile_px, ...), in row-major order.

    Cells left over at an edge are an error.
    """
    height, width, *rest = raster.shape
    rows, cols = height // tile_px, width // tile_px
    if (rows * tile_px, cols * tile_px) != (height, width):
        raise ValueError(f"{height} x {width} cells are not whole tiles of {tile_px}")
    tiles = raster.reshape(rows, tile_px, cols, tile_px, *rest).swapaxes(1, 2)
    return tiles.reshape(rows * cols, tile_px, tile_px, *rest)


def cut_at(
    raster: NDArray[Any], rows: NDArray[np.int64], cols: NDArray[np.int64], tile_px: int
) -> NDArray[Any]:
    """Tiles (n, tile_px, tile_px, bands) of a raster (bands, H, W) whose upper left cells are at `rows`, `cols`.

    They may overlap. A raster (H, W) gives tiles (n, tile_px, tile_px).
    """
    views = np.lib.stride_tricks.sliding_window_view(raster, (tile_px, tile_px), axis=(-2, -1))
    if raster.ndim == 2:
        return np.asarray(views[rows, cols])
    tiles = np.empty((len(rows), tile_px, tile_px, len(raster)), raster.dtype)
    for band, view in enumerate(views):
        tiles[..., band] = view[rows, cols]
    return tiles


def mosaic(tiles: NDArray[Any], rows: int, cols: int) -> NDArray[Any]:
    """(rows * cols, tile_px, tile_px, ...) -> (rows * tile_px, cols * tile_px, ...): the inverse of `cut`."""
    count, height, width, *rest = tiles.shape
    if count != rows * cols:
        raise ValueError(f"{count} tiles do not make {rows} x {cols}")
    return (
        tiles.reshape(rows, cols, height, width, *rest)
        .swapaxes(1, 2)
        .reshape(rows * height, cols * width, *rest)
    )

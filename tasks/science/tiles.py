"""A raster as square tiles in row-major order, and back."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def cut(raster: NDArray[Any], tile_px: int) -> NDArray[Any]:
    """(rows * tile_px, cols * tile_px, ...) -> (rows * cols, tile_px, tile_px, ...).

    A strip one tile high needs no copy beyond the reordering itself; cells left over at an edge are an error.
    """
    height, width, *rest = raster.shape
    rows, cols = height // tile_px, width // tile_px
    if (rows * tile_px, cols * tile_px) != (height, width):
        raise ValueError(f"{height} x {width} cells are not whole tiles of {tile_px}")
    tiles = raster.reshape(rows, tile_px, cols, tile_px, *rest).swapaxes(1, 2)
    return tiles.reshape(rows * cols, tile_px, tile_px, *rest)


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

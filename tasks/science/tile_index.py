"""The index of a shard of tiles: where each lies and which split it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray


def read_index(path: Path) -> dict[str, NDArray[Any]]:
    """The columns of an index.parquet, one value a tile, without the footprints.

    tile                 0..n-1, its place in tiles.npy
    row_px, col_px       its upper left cell, counted from the CRS's origin, rows downward
    block_row, block_col the block of that cell
    split                train, validation or test
    extra                overlaps tiles of the partition; for training only
    valid_share          share of cells where all bands, or the mask, are known
    positive_share       masks: share of cells that are landslide
    sampled              masks: whether training draws the tile (see tile's `empty_share`)
    """
    file = pq.ParquetFile(path)
    names = [name for name in file.schema_arrow.names if name != "geometry"]
    table = file.read(columns=names)
    return {name: _values(table[name].to_numpy()) for name in names}


def _values(column: NDArray[Any]) -> NDArray[Any]:
    return column.astype(np.str_) if column.dtype == object else column

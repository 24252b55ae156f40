"""Is a file a whole GeoTIFF? GDAL reads missing blocks as zeros without a word, so it is asked before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.contract.errors import BadData
from tasks.store.raster import open_geotiff

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic and big, either byte order


def check_geotiff(path: Path, name: str) -> None:
    """Raise `BadData` unless the file is a TIFF with a CRS whose every block lies inside the file."""
    with path.open("rb") as file:
        start = file.read(64)
    if not start.startswith(MAGIC):
        raise BadData(f"{name} is not a TIFF: it begins with {start[:40]!r}; check the address or the file")
    with open_geotiff(path) as dataset:
        if dataset.count != 1:
            raise BadData(f"{name} has {dataset.count} bands; a DEM has one")
        if dataset.crs is None:
            raise BadData(f"{name} names no coordinate reference system; assign the right one to the file")
        missing = missing_blocks(dataset, path.stat().st_size)
    if missing:
        raise BadData(
            f"{name} lacks {len(missing)} blocks, first that at row, column {missing[0]}: cut short or sparse"
        )


def missing_blocks(dataset: Any, size: int) -> list[tuple[int, int]]:
    """Rows and columns of blocks that have no bytes, or bytes beyond the end of the file."""

    def tag(name: str, row: int, col: int) -> int:
        return int(dataset.get_tag_item(f"{name}_{col}_{row}", "TIFF", bidx=1) or 0)

    blocks = [block for block, _ in dataset.block_windows(1)]
    return [
        (row, col)
        for row, col in blocks
        if not (start := tag("BLOCK_OFFSET", row, col)) or start + tag("BLOCK_SIZE", row, col) > size
    ]

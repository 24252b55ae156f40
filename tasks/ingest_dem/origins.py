"""Which product gave each cell: kept on disk while the surface is made, then a raster beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tasks.contract.grid import Grid
from tasks.science.windows import windows
from tasks.store.raster import Part, write_cog

WINDOW_PX = 512


class Origins:
    """Numbers of products by cell, in a file that is as large as the grid: memory is not."""

    def __init__(self, path: Path, grid: Grid, products: int) -> None:
        self._path, self._grid = path, grid
        np.memmap(path, np.uint16, "w+", shape=grid.shape)
        self.counts = np.zeros(products + 1, np.int64)

    def take(self, part: Part) -> None:
        """The numbers of one part."""
        height, width = part.data.shape
        self._cells("r+")[part.row : part.row + height, part.col : part.col + width] = part.data
        self.counts += np.bincount(part.data.ravel(), minlength=len(self.counts))

    def write(self, path: Path) -> None:
        """As a COG, 0 where no product gave anything."""
        write_cog(
            path,
            self._grid,
            self._parts(),
            bands=["product"],
            dtype="uint16",
            nodata=0,
            overviews="nearest",
        )

    def _parts(self) -> Iterator[Part]:
        for window in windows(self._grid.height, self._grid.width, WINDOW_PX):
            yield Part(window.row, window.col, np.array(self._cells("r")[window.slices]))

    def _cells(self, mode: Literal["r", "r+"]) -> np.memmap[Any, Any]:
        """Mapped for one part only: pages of a map that stays open count as memory."""
        return np.memmap(self._path, np.uint16, mode, shape=self._grid.shape)

    def shares(self) -> list[float]:
        """Of the cells, by product."""
        return [float(count) / (self._grid.width * self._grid.height) for count in self.counts[1:]]


def terrain_dates(products: Sequence[Mapping[str, Any]], shares: Sequence[float]) -> dict[str, str | None]:
    """The oldest and the newest day of the products that gave cells; None where one does not say."""
    days = [p["published"] for p, share in zip(products, shares, strict=True) if share]
    if not days or not all(days):
        return {"oldest": None, "newest": None}
    return {"oldest": min(days)[:10], "newest": max(days)[:10]}

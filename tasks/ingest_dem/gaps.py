"""Cells of the region that no product covers, and where they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from rasterio.warp import transform_bounds

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.science.windows import Window
from tasks.store.raster import Part


@dataclass
class Gaps:
    """Counts empty cells of parts that pass through, in `region` only: what is around it may be short.

    `region` is a window of `grid`.
    """

    grid: Grid
    region: Window
    cells: int = 0
    rows: list[int] = field(default_factory=list)
    cols: list[int] = field(default_factory=list)

    def watch(self, parts: Iterable[Part]) -> Iterator[Part]:
        """The same parts, looked at on their way."""
        for part in parts:
            rows, cols = np.nonzero(np.isnan(part.data))
            rows, cols = rows + part.row, cols + part.col
            down, along = self.region.slices
            inside = (rows >= down.start) & (rows < down.stop) & (cols >= along.start) & (cols < along.stop)
            if inside.any():
                self.cells += int(inside.sum())
                self.rows += [int(rows[inside].min()), int(rows[inside].max()) + 1]
                self.cols += [int(cols[inside].min()), int(cols[inside].max()) + 1]
            yield part

    @property
    def share(self) -> float:
        """Empty cells over all cells of the region."""
        return self.cells / (self.region.width * self.region.height)

    def check(self, max_gap: float) -> None:
        """Raise `BadData`, naming where, when more than `max_gap` of the region is empty."""
        if self.share > max_gap:
            raise BadData(
                f"{self.share:.2%} of the region ({self.cells} cells) lack elevation, at most {max_gap:.2%} may; "
                f"they lie in {self.where()}; check the source's coverage, the region's bounds or max_gap"
            )

    def where(self) -> str:
        """The box around the empty cells: in the region's CRS, in degrees, by 3DEP's 1-degree cells."""
        g = self.grid
        left, right = (g.left + col * g.cell_m for col in (min(self.cols), max(self.cols)))
        top, bottom = (g.top - row * g.cell_m for row in (min(self.rows), max(self.rows)))
        west, south, east, north = transform_bounds(g.crs, "EPSG:4326", left, bottom, right, top)
        cells = [
            f"{'n' if lat >= 0 else 's'}{abs(lat):02d}{'w' if lon < 0 else 'e'}{abs(lon):03d}"
            for lat in range(int(np.ceil(north)), int(np.floor(south)), -1)
            for lon in range(int(np.floor(west)), int(np.ceil(east)))
        ]
        return (
            f"x {left:.0f} to {right:.0f}, y {bottom:.0f} to {top:.0f} ({g.crs}), "
            f"longitude {west:.4f} to {east:.4f}, latitude {south:.4f} to {north:.4f}, "
            f"1-degree cells {', '.join(cells)}"
        )

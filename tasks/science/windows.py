"""Windows over a raster, with a halo, so that a map made in pieces equals the map made whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A rectangle of cells; `row` and `col` may be negative once a halo is added."""

    row: int
    col: int
    height: int
    width: int

    def grown(self, halo: int) -> Window:
        """The window with `halo` more cells on every side."""
        return Window(self.row - halo, self.col - halo, self.height + 2 * halo, self.width + 2 * halo)

    def shifted(self, rows: int, cols: int) -> Window:
        """The same cells, counted from an origin `rows` above and `cols` to the left."""
        return Window(self.row + rows, self.col + cols, self.height, self.width)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array that holds the whole raster."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)


def windows(height: int, width: int, size: int) -> Iterator[Window]:
    """Cover height x width cells row by row; windows on the lower and right edge may be smaller than `size`."""
    for row in range(0, height, size):
        for col in range(0, width, size):
            yield Window(row, col, min(size, height - row), min(size, width - col))

"""How far a U-Net sees, by interval arithmetic over its layers (standard library only)."""

from __future__ import annotations

CONVOLUTIONS = 2  # 3x3 convolutions on each scale, on the way down and on the way up


def _widened(interval: tuple[int, int]) -> tuple[int, int]:
    """Cells of a scale that its two 3x3 convolutions read to make `interval`."""
    return interval[0] - CONVOLUTIONS, interval[1] + CONVOLUTIONS


def _cells_read(cell: int, levels: int) -> tuple[int, int]:
    """First and last input cell, along one axis, that the output at `cell` depends on.

    Going back from the output, the way through the bottom reads the most, and the skips a part of it: up
    (a cell comes from the cell half its number one scale down), the bottom, and down (a pooled cell is two).
    """
    first = last = cell
    for _ in range(levels):
        first, last = _widened((first, last))
        first, last = first // 2, last // 2
    first, last = _widened((first, last))
    for _ in range(levels):
        first, last = _widened((2 * first, 2 * last + 1))
    return first, last


def reach_px(levels: int) -> int:
    """Cells to either side that an output cell can depend on; 107 for 4 levels.

    Where a cell lies in the pooling grid of 2^levels cells decides which side it reaches further to; the
    largest of them counts.
    """
    grid: int = 2**levels
    reads = ((cell, *_cells_read(cell, levels)) for cell in range(grid))
    return max(max(cell - first, last - cell) for cell, first, last in reads)


def halo_px(levels: int) -> int:
    """The reach rounded up to the pooling grid, so that windows stay on it; 112 for 4 levels."""
    grid: int = 2**levels
    return -(-reach_px(levels) // grid) * grid

"""Where water goes on a grid, and how fast it cuts: D8 drainage and implicit stream-power incision.

Every cell has one receiver; cells are worked on level by level of the drainage tree (all cells that are equally
many steps from the outlet at once), so that each level is one vector operation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

Index = NDArray[np.int32]
Field = NDArray[np.float32]

_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


@dataclass(frozen=True)
class Drainage:
    """The drainage tree of a grid, flattened row by row.

    `receiver` is the cell each cell drains into (itself at an outlet), `distance_m` how far that is, `order` the
    cells by their number of steps from the outlet, `starts` where each level begins in `order`.
    """

    receiver: Index
    distance_m: Field
    order: Index
    starts: NDArray[np.int64]

    def levels(self) -> list[Index]:
        """Cells level by level, the outlets left out."""
        return np.split(self.order, self.starts[1:])[1:]


def drainage(elevation: Field, outlet: NDArray[np.bool_], cell_m: float) -> Drainage:
    """Steepest-descent (D8) drainage; closed basins spill over their lowest pass (Cordonnier et al. 2019)."""
    receiver, distance = _steepest(elevation, outlet, cell_m)
    _spill(elevation, outlet, receiver)
    depth = _depth(receiver)
    order = np.argsort(depth, kind="stable").astype(np.int32)
    starts = np.concatenate(([0], np.cumsum(np.bincount(depth))[:-1]))
    return Drainage(receiver, distance, order, starts)


def upstream_area(tree: Drainage, cell_m: float) -> Field:
    """Area that drains through each cell, the cell included, in square metres (flat)."""
    area = np.full(tree.receiver.size, cell_m * cell_m, dtype=np.float64)
    for cells in reversed(tree.levels()):
        np.add.at(area, tree.receiver[cells], area[cells])
    return area.astype(np.float32)


def incise(elevation: Field, tree: Drainage, rate: Field, steepest: float) -> Field:
    """One implicit step of stream-power incision with slope exponent 1 (Braun and Willett 2013).

    `rate` is K A^m dt per cell in metres. No cell stays steeper towards its receiver than the gradient `steepest`:
    what is above it slides down within the step (threshold hillslopes).
    """
    z = elevation.ravel().copy()
    factor = rate.ravel() / tree.distance_m
    for cells in tree.levels():
        base = z[tree.receiver[cells]]
        f = factor[cells]
        cut = np.minimum((z[cells] + f * base) / (1 + f), base + steepest * tree.distance_m[cells])
        z[cells] = np.where(base < z[cells], cut, z[cells])
    return z.reshape(elevation.shape)


def _steepest(elevation: Field, outlet: NDArray[np.bool_], cell_m: float) -> tuple[Index, Field]:
    rows, cols = elevation.shape
    padded = np.pad(elevation, 1, constant_values=np.inf)
    best = np.zeros(elevation.shape, dtype=np.float32)
    step = np.zeros(elevation.shape, dtype=np.int32)
    distance = np.full(elevation.shape, cell_m, dtype=np.float32)
    for dy, dx in _NEIGHBOURS:
        away = np.float32(cell_m * np.hypot(dy, dx))
        gradient = (elevation - padded[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + cols]) / away
        better = gradient > best
        np.copyto(best, gradient, where=better)
        np.copyto(step, np.int32(dy * cols + dx), where=better)
        np.copyto(distance, away, where=better)
    step[outlet] = 0
    receiver = np.arange(elevation.size, dtype=np.int32) + step.ravel()
    return receiver, distance.ravel()


def _spill(elevation: Field, outlet: NDArray[np.bool_], receiver: Index) -> None:
    """Give every pit the cell beyond its lowest pass on the way out as receiver (in place)."""
    pits = np.flatnonzero((receiver == np.arange(receiver.size)) & ~outlet.ravel())
    if not pits.size:
        return
    basin = np.zeros(receiver.size, dtype=np.int32)  # 0 is the outside: whatever already drains to an outlet
    basin[pits] = np.arange(1, pits.size + 1)
    basin = basin[_root(receiver)]
    low, high, height, cell_low, cell_high = _passes(elevation, basin.reshape(elevation.shape))
    graph = coo_matrix((height, (low, high)), shape=(pits.size + 1, pits.size + 1)).tocsr()
    tree = minimum_spanning_tree(graph)
    _, parent = breadth_first_order(tree, 0, directed=False)
    into = dict(zip(zip(low.tolist(), high.tolist(), strict=True), range(low.size), strict=True))
    for number in range(1, pits.size + 1):
        up = int(parent[number])
        i = into[(min(up, number), max(up, number))]
        receiver[pits[number - 1]] = cell_low[i] if low[i] == up else cell_high[i]


def _passes(elevation: Field, basin: Index) -> tuple[Index, Index, NDArray[np.float64], Index, Index]:
    """Lowest pass between every two touching basins: the basins (low number first), its height, its two cells."""
    flat = np.arange(basin.size, dtype=np.int32).reshape(basin.shape)
    one, two = [], []
    for here, there in (
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        differ = basin[here] != basin[there]
        one.append(flat[here][differ])
        two.append(flat[there][differ])
    a, b = np.concatenate(one), np.concatenate(two)
    swap = basin.ravel()[a] > basin.ravel()[b]
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    low, high = basin.ravel()[a], basin.ravel()[b]
    z = elevation.ravel().astype(np.float64)
    height = np.maximum(z[a], z[b]) - z.min() + 1.0  # a sparse graph has no edge of weight zero
    order = np.lexsort((height, high, low))
    first = np.ones(order.size, dtype=bool)
    first[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    keep = order[first]
    return low[keep], high[keep], height[keep], a[keep], b[keep]


def downstream(receiver: Index, target: NDArray[np.bool_]) -> Index:
    """First cell of `target` (flat) on the way down from each cell; the outlet where there is none."""
    return _root(np.where(target, np.arange(receiver.size, dtype=np.int32), receiver))


def _root(receiver: Index) -> Index:
    root = receiver.copy()
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return root
        root = further


def _depth(receiver: Index) -> NDArray[np.uint16]:
    """Steps from each cell to its outlet, by pointer doubling."""
    jump = receiver
    depth = (receiver != np.arange(receiver.size)).astype(np.uint16)
    while True:
        further = depth[jump]
        if not further.any():
            return depth
        depth = depth + further
        jump = jump[jump]

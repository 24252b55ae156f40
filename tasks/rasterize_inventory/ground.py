"""A region's cells, window by window: what was burnt, mapped, surveyed and excluded there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import InvalidParams
from tasks.contract.grid import Grid
from tasks.job import Artifact
from tasks.rasterize_inventory.burn import Outlines
from tasks.rasterize_inventory.cells import LANDSLIDE, STATES, decided, labels
from tasks.science.layers import class_codes, layers_margin
from tasks.science.windows import Window, windows
from tasks.store.raster import Part, read_window

WINDOW_PX = 1024


@dataclass(frozen=True)
class ExcludedLand:
    """Classes of layers that are left out: by raster their codes; the rasters reach `margin` cells beyond the grid."""

    codes: Mapping[Path, Sequence[int]]
    margin: int = 0

    @classmethod
    def of(cls, layers: Artifact | None, grid: Grid, names: Sequence[str], region: str) -> ExcludedLand:
        """Of `layer=class` names; `InvalidParams` where there is no such class, `GridMismatch` on another grid."""
        if not names:
            return cls({})
        known = class_codes(layers.properties) if layers else {}
        missing = [name for name in names if name not in known]
        if layers is None or missing:
            raise InvalidParams(
                f"[rasterize] exclude: there is no class {', '.join(missing)} in the layers of region {region}; there "
                f"are {', '.join(known) or 'none: it has no accepted layer of classes'}"
            )
        codes: dict[Path, list[int]] = {}
        for layer, code in (known[name] for name in names):
            codes.setdefault(layers.file(f"{layer}.tif"), []).append(code)
        return cls(codes, layers_margin(layers.properties, grid))

    def on(self, window: Window) -> NDArray[np.bool_]:
        """The window's cells of these classes; where a layer is unknown it excludes nothing."""
        at = window.shifted(self.margin, self.margin)
        found = np.zeros((window.height, window.width), bool)
        for path, codes in self.codes.items():
            found |= np.isin(read_window(path, at.row, at.col, at.height, at.width)[0], codes)
        return found


@dataclass(frozen=True)
class Ground:
    """All that decides on a cell: outlines by what they say of it, what was mapped, the stack, excluded land."""

    outlines: Mapping[str, Outlines]
    mapped: Outlines
    stack: Path
    excluded: ExcludedLand

    def cells(self, window: Window) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """The number of the landslide on each cell (0 none) and what each cell is."""
        burnt = {name: outlines.burnt(window) for name, outlines in self.outlines.items()}
        bands = read_window(self.stack, window.row, window.col, window.height, window.width)
        state = decided(
            {name: numbers > 0 for name, numbers in burnt.items()}
            | {
                "excluded": self.excluded.on(window),
                "nodata": np.isnan(bands).any(axis=0),
                "unmapped": self.mapped.burnt(window) == 0,
            }
        )
        return np.where(state == LANDSLIDE, burnt["landslide"], np.uint32(0)), state


class Cells:
    """The cells of a region on their way into two rasters: decided once, kept in a file between the two."""

    def __init__(self, ground: Ground, grid: Grid, kept: IO[bytes], size: int = WINDOW_PX) -> None:
        self._ground, self._kept = ground, kept
        self._windows = list(windows(grid.height, grid.width, size))
        self.counts = np.zeros(STATES, np.int64)
        self.landslides: set[int] = set()

    def numbers(self) -> Iterator[Part]:
        """The landslides' numbers; counts cells by what they are, and the landslides that have one."""
        for window in self._windows:
            numbers, state = self._ground.cells(window)
            self._kept.write(state.tobytes())
            self.counts += np.bincount(state.ravel(), minlength=STATES)
            self.landslides.update(np.unique(numbers[numbers > 0]).tolist())
            yield Part(window.row, window.col, numbers)

    def mask(self) -> Iterator[Part]:
        """The labels, once the numbers are written."""
        self._kept.seek(0)
        for window in self._windows:
            state = np.frombuffer(self._kept.read(window.height * window.width), np.uint8)
            yield Part(window.row, window.col, labels(state.reshape(window.height, window.width)))

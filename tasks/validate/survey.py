"""What is looked at in each kind of artifact: rows of statistics, the checks on them, pictures, tables of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rasterio.enums import Resampling

from tasks.contract.grid import Grid
from tasks.job import Artifact
from tasks.science.bounds import within
from tasks.science.windows import Window, windows
from tasks.store.raster import open_geotiff, read_window
from tasks.validate.checks import Check, Row
from tasks.validate.spec import Params

WINDOW_PX = 1024
PICTURE_PX = 1000
SAMPLE = 1_000_000  # cells of a band that are compared with the accepted ones


@dataclass(frozen=True)
class Table:
    """A table on the page: rows of one set of columns."""

    title: str
    rows: Sequence[Mapping[str, Any]]
    note: str = ""


@dataclass(frozen=True)
class Survey:
    """What was found. `pictures`: file name -> figure and caption, the first is the largest. `files`: further ones."""

    rows: list[Row]
    checks: list[Check]
    pictures: Mapping[str, tuple[Figure, str]]
    tables: Sequence[Table] = ()
    files: Mapping[str, Callable[[Path], object]] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """What is judged, the terrain it lies on, and what was accepted before it, where these are there."""

    artifact: Artifact
    params: Params
    backdrop: Artifact | None = None
    baseline: Artifact | None = None

    @property
    def limits(self) -> dict[str, float]:
        """The thresholds for this kind."""
        return self.params.limit(self.artifact.kind)

    def window(self, artifact: Artifact | None = None) -> Window:
        """The region's bounds within an artifact's raster: around them it may be short."""
        return within(Grid.of((artifact or self.artifact).properties), self.params.bounds)


def parts(path: Path, region: Window, halo: int = 0, size: int = WINDOW_PX) -> Iterator[NDArray[np.float32]]:
    """A window of a raster in pieces (bands, rows, columns), each with `halo` more cells around it."""
    for window in windows(region.height, region.width, size):
        outer = window.shifted(region.row, region.col).grown(halo)
        yield read_window(path, outer.row, outer.col, outer.height, outer.width)


def sample(path: Path, region: Window) -> NDArray[np.float32]:
    """Every n-th cell of all bands (bands, cells), about SAMPLE of them at most."""
    step = max(1, int(np.ceil(np.sqrt(region.height * region.width / SAMPLE))))
    thinned = [part[:, ::step, ::step] for part in parts(path, region)]
    return np.concatenate([part.reshape(len(part), -1) for part in thinned], axis=1)


def preview(
    path: Path, longest_px: int = PICTURE_PX, resampling: Resampling = Resampling.average
) -> tuple[NDArray[np.float32], float]:
    """All bands, thinned for a picture, and the size of its cells."""
    with open_geotiff(path) as dataset:
        step = max(1.0, max(dataset.shape) / longest_px)
        shape = (dataset.count, round(dataset.height / step), round(dataset.width / step))
        data = dataset.read(out_shape=shape, resampling=resampling, masked=True)
        return np.ma.filled(data.astype(np.float32), np.nan), abs(dataset.res[0]) * step

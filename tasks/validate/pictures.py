"""Pictures for the report. Figures only, nothing is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from tasks.science.hillshade import hillshade
from tasks.science.windows import Window
from tasks.validate.mask_tiles import SPLITS

COLOURS = ("#d7301f", "#08589e", "#6a3d9a", "#b15928")
Heights = NDArray[np.float32]


def figure(height: float = 4.8, width: float = 6.4) -> tuple[Figure, Any]:
    """A figure and its axes."""
    drawing = Figure(figsize=(width, height), dpi=150, layout="constrained")
    return drawing, drawing.subplots()


def terrain(heights: Heights, cell_m: float, title: str) -> Figure:
    """Hillshade with elevations over it."""
    rows, cols = heights.shape
    drawing, axes = figure(min(12.0, 1 + 7.0 * rows / cols), 8.4)
    _shade(axes, heights, cell_m, extent=None)
    tint = axes.imshow(heights, cmap="terrain", alpha=0.45)
    drawing.colorbar(tint, ax=axes, label="elevation (m)", shrink=0.8)
    axes.set_title(title)
    axes.set_axis_off()
    return drawing


def polygons(
    inventory: gpd.GeoDataFrame,
    extent: gpd.GeoDataFrame,
    heights: Heights | None,
    cell_m: float,
    box: tuple[float, ...],
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Outlines of every target and the mapped extent, over the hillshade where there is a DEM.

    `box` is left, bottom, right, top of `heights`, whose cells are `cell_m` wide.
    """
    left, bottom, right, top = box
    drawing, axes = figure(min(12.0, 1 + 7.4 * (top - bottom) / (right - left)), 8.4)
    if heights is not None:
        _shade(axes, heights, cell_m, extent=(left, right, bottom, top))
    extent.boundary.plot(ax=axes, color="black", linestyle="--", linewidth=1)
    handles = [Patch(facecolor="none", edgecolor="black", linestyle="--", label="mapped extent")]
    for colour, (target, shapes) in zip(COLOURS * 9, inventory.groupby("target"), strict=False):
        colour = (colours or {}).get(str(target), colour)
        shapes.plot(
            ax=axes, facecolor=colour, edgecolor=colour, alpha=0.55, linewidth=2.0 if colours else 0.4
        )
        handles.append(Patch(color=colour, alpha=0.55, label=f"{target} ({len(shapes):,})"))
    axes.legend(handles=handles, loc="upper left", fontsize="small")
    axes.set(
        xlim=(left, right), ylim=(bottom, top), xlabel="easting (m)", ylabel="northing (m)", aspect="equal"
    )
    axes.ticklabel_format(style="plain", useOffset=False)
    axes.tick_params(labelsize="small")
    return drawing


CHANGES = {"added": "#1a7f37", "removed": "#b42318", "reshaped": "#b35900"}


def differences(
    changed: gpd.GeoDataFrame,
    extent: gpd.GeoDataFrame,
    heights: Heights | None,
    cell_m: float,
    box: tuple[float, ...],
) -> Figure:
    """What was added, removed and reshaped (column `change`), drawn as `polygons` draws."""
    return polygons(changed.assign(target=changed["change"]), extent, heights, cell_m, box, CHANGES)


def blocks(heights: Heights, cell_m: float, factor: float, boxes: Sequence[tuple[Window, str]]) -> Figure:
    """Blocks and what each fails, over the hillshade; a cell of `heights` is `factor` cells of the blocks' raster."""
    rows, cols = heights.shape
    drawing, axes = figure(min(12.0, 1 + 7.0 * rows / cols), 8.4)
    _shade(axes, heights, cell_m, extent=None)
    titles = sorted({title for _, title in boxes})
    colours = dict(zip(titles, COLOURS * 9, strict=False))
    for window, title in boxes:
        corner = (window.col / factor - 0.5, window.row / factor - 0.5)
        size = (window.width / factor, window.height / factor)
        look = {"facecolor": colours[title], "alpha": 0.45, "edgecolor": colours[title], "linewidth": 0.8}
        axes.add_patch(Rectangle(corner, *size, **look))
    handles = [Patch(color=colours[title], alpha=0.5, label=title) for title in titles]
    axes.legend(handles=handles, loc="upper left", fontsize="small")
    axes.set_axis_off()
    return drawing


def tile_map(index: pd.DataFrame, column: str, label: str) -> Figure:
    """A share of every tile, from 0 to 1."""
    rows, cols = index["row"] - index["row"].min(), index["col"] - index["col"].min()
    drawing, axes = figure(min(10.0, 1 + 6.0 * (rows.max() + 1) / (cols.max() + 1)), 8.4)
    shares = np.full((rows.max() + 1, cols.max() + 1), np.nan)
    shares[rows, cols] = index[column]
    drawing.colorbar(axes.imshow(shares, cmap="viridis", vmin=0, vmax=1), ax=axes, label=label, shrink=0.8)
    axes.set(xlabel="tile column", ylabel="tile row")
    return drawing


def histogram(values: NDArray[Any], label: str, log: bool = False) -> Figure:
    """How often which value."""
    drawing, axes = figure(3.2)
    values = values[np.isfinite(values)]
    values = values[values > 0] if log else values
    if values.size:
        spread = np.geomspace(values.min(), values.max() * 1.001, 40) if log else 60
        axes.hist(values, bins=spread, color="#4c78a8")
    axes.set(xlabel=label, ylabel="number", xscale="log" if log else "linear")
    return drawing


def bands(stack: NDArray[np.float32], names: tuple[str, ...], units: dict[str, str]) -> Figure:
    """Every band (bands, rows, columns), stretched between its 2nd and 98th percentile."""
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    tall = min(2.0, stack.shape[1] / stack.shape[2])
    drawing = Figure(figsize=(3.4 * columns, (2.8 * tall + 0.4) * rows), dpi=110, layout="constrained")
    grid = drawing.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, name, band in zip(grid, names, stack, strict=False):
        known = band[np.isfinite(band)]
        low, high = np.percentile(known, [2, 98]) if known.size else (0, 1)
        image = axes.imshow(band, cmap="viridis", vmin=low, vmax=high)
        axes.set_title(name, fontsize="medium")
        drawing.colorbar(image, ax=axes, shrink=0.7, label=units.get(name, ""))
    return drawing


def split_map(index: pd.DataFrame) -> Figure:
    """The tiles by split, darker dots where more of a tile is landslide."""
    rows, cols = index["row"] - index["row"].min(), index["col"] - index["col"].min()
    drawing, axes = figure(min(10.0, 1 + 6.0 * (rows.max() + 1) / (cols.max() + 1)), 8.4)
    codes = np.full((rows.max() + 1, cols.max() + 1), np.nan)
    codes[rows, cols] = index["split"].map({split: code for code, split in enumerate(SPLITS)})
    palette = ("#d9d9d9", "#9ecae1", "#fdae6b")
    axes.imshow(codes, cmap=ListedColormap(palette), vmin=0, vmax=len(SPLITS) - 1)
    some = index["positive_share"] > 0
    axes.scatter(
        cols[some], rows[some], s=60 * index["positive_share"][some] ** 0.5, color=COLOURS[0], alpha=0.8
    )
    axes.legend(
        handles=[Patch(color=colour, label=split) for colour, split in zip(palette, SPLITS, strict=True)],
        loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", title="split",
    )  # fmt: skip
    axes.set(title="tiles; a dot grows with the landslide share", xlabel="tile column", ylabel="tile row")
    return drawing


def _shade(axes: Any, heights: Heights, cell_m: float, extent: tuple[float, ...] | None) -> None:
    axes.imshow(hillshade(heights, cell_m), cmap="gray", vmin=0, vmax=1, extent=extent)

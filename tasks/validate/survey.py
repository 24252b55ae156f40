"""What is looked at in each kind of artifact: rows of statistics, the checks on them, pictures, a table of facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rasterio.enums import Resampling

from tasks.contract.grid import Grid
from tasks.job import Artifact
from tasks.science.bounds import within
from tasks.science.windows import Window, windows
from tasks.store.raster import open_geotiff, read_window
from tasks.validate import pictures
from tasks.validate.checks import Check, Row, spelled
from tasks.validate.dem import dem_checks, dem_row, spatial
from tasks.validate.inventory import inventory_checks, inventory_rows
from tasks.validate.mask_tiles import split_checks, split_rows
from tasks.validate.spec import Params
from tasks.validate.stack import stack_checks, stack_rows

WINDOW_PX = 1024
PICTURE_PX = 1000
CLEANED = {
    "read": "read",
    "repaired": "rings repaired",
    "z_removed": "heights removed",
    "empty": "without area",
    "duplicates": "duplicates",
    "outside": "outside the region",
    "kept": "kept",
    "left_out": "left out by the where clause",
}


@dataclass(frozen=True)
class Survey:
    """What was found. `pictures`: file name -> figure and caption, the first is the largest."""

    rows: list[Row]
    checks: list[Check]
    pictures: Mapping[str, tuple[Figure, str]]
    facts_title: str = ""
    facts: Sequence[Mapping[str, Any]] = field(default_factory=list)


def survey_dem(dem: Artifact, params: Params, backdrop: Artifact | None) -> Survey:
    """The DEM inside the region's bounds; around them it may be short."""
    limits = params.limit("dem")
    path = dem.file("dem.tif")
    with open_geotiff(path) as dataset:
        own = spatial(dataset.crs, abs(dataset.res[0]))
    region = within(Grid.of(dem.properties), params.bounds)
    heights = (part[0] for part in _parts(path, region, halo=1))
    row = {**dem_row(heights, own["cell_m"], limits["steep_deg"]), **own}
    shown, cell_m = preview(path)
    drawn = {
        "terrain.png": (
            pictures.terrain(shown[0], cell_m, params.title),
            "Elevation over its hillshade, with the margin",
        ),
        "elevations.png": (
            pictures.histogram(shown[0], "elevation (m)"),
            "How often which elevation occurs",
        ),
    }
    products = [
        {"product": p["title"], "published": p["published"] or "unknown", "from": p["url"]}
        for p in dem.properties.get("products", [])
    ]
    return Survey([row], dem_checks(limits, params.crs, params.cell_m), drawn, "Made from", products)


def survey_inventory(inventory: Artifact, params: Params, backdrop: Artifact | None) -> Survey:
    """The polygons and the mapped extent; drawn over the DEM where one is given."""
    table = gpd.read_parquet(inventory.file("inventory.parquet"))
    extent = gpd.read_parquet(inventory.file("extent.parquet"))
    mapped = shapely.union_all(extent.geometry.array)
    rows = inventory_rows(table, mapped, params.targets)
    heights, cell_m, box = None, params.cell_m, tuple(extent.total_bounds)
    if backdrop:
        shown, cell_m = preview(backdrop.file("dem.tif"))
        heights, box = shown[0], Grid.of(backdrop.properties).bounds
    drawn = {
        "inventory.png": (
            pictures.polygons(table, extent, heights, cell_m, box),
            "Landslides and the mapped extent",
        ),
        "areas.png": (
            pictures.histogram(table.area.to_numpy(), "area of a polygon (m²)", log=True),
            "How often which size occurs",
        ),
    }
    changes = json.loads(inventory.file("changes.json").read_text())["targets"]
    facts = [
        {"target": target, **{words: counts.get(name, 0) for name, words in CLEANED.items()}}
        for target, counts in sorted(changes.items())
    ]
    checks = inventory_checks(params.limit("inventory"), params.crs, params.cell_m, params.targets)
    return Survey(rows, checks, drawn, "What the clean-up did", facts)


def survey_stack(stack: Artifact, params: Params, backdrop: Artifact | None) -> Survey:
    """Every band, inside the region's bounds."""
    path, names = stack.file("stack.tif"), tuple(stack.properties["bands"])
    rows = stack_rows(_parts(path, within(Grid.of(stack.properties), params.bounds)), names)
    shown, _ = preview(path, PICTURE_PX // 2)
    drawn = {"bands.png": (pictures.bands(shown, names, stack.properties.get("units", {})), "The bands")}
    facts = [
        {"band": row["item"], "lowest": spelled(row["low"]), "highest": spelled(row["high"])} for row in rows
    ]
    return Survey(rows, stack_checks(params.limit("stack")), drawn, "Ranges", facts)


def survey_mask_tiles(masks: Artifact, params: Params, backdrop: Artifact | None) -> Survey:
    """Every split."""
    index = pd.read_csv(masks.file("index.csv"))
    tiles = np.load(masks.file("tiles.npy"), mmap_mode="r", allow_pickle=False)
    rows = split_rows(tiles, index["split"])
    drawn = {"splits.png": (pictures.split_map(index), "Where the model learns, is tuned and is judged")}
    facts = [
        {"split": row["item"], "tiles": row["tiles"], "landslide cells": row["positive_cells"]}
        for row in rows
    ]
    return Survey(rows, split_checks(params.limit("mask-tiles")), drawn, "Splits", facts)


SURVEYS: dict[str, Callable[[Artifact, Params, Artifact | None], Survey]] = {
    "dem": survey_dem,
    "inventory": survey_inventory,
    "stack": survey_stack,
    "mask-tiles": survey_mask_tiles,
}


def _parts(path: Path, region: Window, halo: int = 0) -> Iterator[NDArray[np.float32]]:
    """A window of a raster in pieces (bands, rows, columns), each with `halo` more cells around it."""
    for window in windows(region.height, region.width, WINDOW_PX):
        outer = window.shifted(region.row, region.col).grown(halo)
        yield read_window(path, outer.row, outer.col, outer.height, outer.width)


def preview(path: Path, longest_px: int = PICTURE_PX) -> tuple[NDArray[np.float32], float]:
    """All bands, thinned for a picture, and the size of its cells."""
    with open_geotiff(path) as dataset:
        step = max(1.0, max(dataset.shape) / longest_px)
        shape = (dataset.count, round(dataset.height / step), round(dataset.width / step))
        data = dataset.read(out_shape=shape, resampling=Resampling.average, masked=True)
        return np.ma.filled(data.astype(np.float32), np.nan), abs(dataset.res[0]) * step

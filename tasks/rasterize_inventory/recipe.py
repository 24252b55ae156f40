"""Burn one target's polygons; what was not mapped, or has no terrain, is unknown and not background.

Nothing of the other targets enters the files or the properties, so an edited scarp leaves the deposits' mask as it is.
"""

from __future__ import annotations

import tempfile
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.contract.errors import BadData, GridMismatch
from tasks.contract.grid import Grid
from tasks.job import Job
from tasks.rasterize_inventory.burn import Outlines
from tasks.rasterize_inventory.cells import LANDSLIDE, UNKNOWN, unknown_because
from tasks.rasterize_inventory.ground import Cells, ExcludedLand, Ground
from tasks.rasterize_inventory.polygons import confidences, dated_after, numbered, smallest_last, widened
from tasks.rasterize_inventory.spec import Params
from tasks.store.raster import write_cog


def run(job: Job) -> dict[str, Any]:
    """Write mask.tif (0, 1, 255 unknown), landslides.tif (landslide number, 0 none) and outlines.parquet.

    The outlines are those of the landslides that count, each with its number, whole where they reach beyond the grid.
    """
    stack, inventory, layers, params = job.one("stack"), job.one("inventory"), job.maybe("layers"), job.params
    grid, region = Grid.of(stack.properties), inventory.properties["region"]
    if stack.properties.get("region", region) != region:
        raise BadData(
            f"the stack is of region {stack.properties['region']}, the inventory of {region}; take those of one region"
        )
    everything, extent = (
        on_crs(grid, gpd.read_parquet(inventory.file(f"{name}.parquet"))) for name in ("inventory", "extent")
    )
    polygons = of_target(everything, params.target, region)
    named = named_confidences(everything, polygons, params, region)
    shapes, thin = widened(np.asarray(polygons.geometry.array), params.min_width_m)
    younger = dated_after(polygons, stack.properties)
    tables = by_meaning(numbered(polygons.set_geometry(shapes)), younger, params)
    outlines = {
        name: Outlines.on(grid, table.geometry, table["number"], all_touched=params.all_touched)
        for name, table in tables.items()
    }
    kept_whole = tables["landslide"][["number", "geometry"]]
    kept_whole.to_parquet(job.out / "outlines.parquet", index=False, compression="zstd")
    excluded = ExcludedLand.of(layers, grid, params.exclude, region)
    ground = Ground(outlines, Outlines.on(grid, extent.geometry), stack.file("stack.tif"), excluded)
    with tempfile.TemporaryFile(dir=job.work) as kept:
        cells = Cells(ground, grid, kept)
        write_cog(
            job.out / "landslides.tif", grid, cells.numbers(),
            bands=["landslide"], dtype="uint32", nodata=None, overviews="nearest",
        )  # fmt: skip
        raster = write_cog(
            job.out / "mask.tif", grid, cells.mask(),
            bands=[params.target], dtype="uint8", nodata=UNKNOWN, overviews="mode",
        )  # fmt: skip
    synthetic = [inventory, *([layers] if layers and params.exclude else [])]
    return {
        **raster,
        "region": region,
        "synthetic": any(bool(one.properties.get("synthetic", False)) for one in synthetic),
        "target": params.target,
        "positives": int(cells.counts[LANDSLIDE]),
        "unknown": sum(unknown_because(cells.counts).values()),
        "unknown_because": unknown_because(cells.counts),
        "landslides": len(cells.landslides),
        "widened": thin,
        "younger_than_terrain": int(younger.sum()),
        **named,
    }


def on_crs(grid: Grid, table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table, which has to be in the grid's CRS; else `GridMismatch`."""
    if table.crs is None or table.crs != grid.crs:
        found = table.crs.to_string() if table.crs else "no CRS"
        raise GridMismatch(
            f"the inventory is in {found}, the stack in {grid.crs}; run ingest_inventory again"
        )
    return table


def of_target(table: gpd.GeoDataFrame, target: str, region: str) -> gpd.GeoDataFrame:
    """The target's polygons; `BadData` where there are none."""
    polygons = table[table["target"] == target]
    if polygons.empty:
        raise BadData(
            f"the inventory of {region} has no polygon of target {target!r}; "
            "name its layer under [inventory.targets] in the region's file"
        )
    return polygons


def named_confidences(
    everything: gpd.GeoDataFrame, polygons: gpd.GeoDataFrame, params: Params, region: str
) -> dict[str, Any]:
    """How many of the polygons have which confidence, and which of those that are named none has.

    `BadData` where the inventory says of no polygon how sure it is.
    """
    names = [*params.questionable, *params.uncertain]
    if not names:
        return {}
    if not confidences(everything):
        raise BadData(
            f"[rasterize] names the confidences {', '.join(names)}, but the inventory of {region} has none; "
            "name the field that holds them: confidence_field under [inventory] in the region's file"
        )
    found = confidences(polygons)
    absent = [name for name in names if name not in found]
    if absent:
        print(
            f"no polygon of target {params.target!r} in {region} has the confidence {', '.join(absent)} of "
            f"[rasterize]; there are {', '.join(found) or 'none'}"
        )
    return {"confidences": found, "confidences_absent": absent}


def by_meaning(
    polygons: gpd.GeoDataFrame, younger: NDArray[np.bool_], params: Params
) -> dict[str, gpd.GeoDataFrame]:
    """Polygons by what they say of a cell: landslide (in burning order), or why it is unknown."""
    sure = polygons["confidence"] if "confidence" in polygons else pd.Series(None, polygons.index, object)
    questionable, uncertain = (
        sure.isin(names).to_numpy() for names in (params.questionable, params.uncertain)
    )
    ignored = younger if params.younger == "ignore" else np.zeros(len(polygons), bool)
    unsure = polygons[uncertain]
    return {
        "landslide": smallest_last(polygons[~questionable & ~ignored]),
        "questionable": polygons[questionable],
        "younger": polygons[ignored],
        "buffer": unsure.set_geometry(unsure.buffer(params.uncertain_buffer_m)),
    }

"""Fetch, clean and tabulate a region's landslide polygons and its mapped extent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.contract.errors import BadData
from tasks.ingest_inventory.arcgis import count, open_layer
from tasks.ingest_inventory.cleanup import clean, polygons_of, total
from tasks.ingest_inventory.esri import read_feed
from tasks.ingest_inventory.placement import place
from tasks.ingest_inventory.spec import Params, Target, both
from tasks.ingest_inventory.table import inventory_table
from tasks.job import Job
from tasks.sources.files import fetch
from tasks.sources.http import ask
from tasks.sources.vector import open_vector, read_layer

Read = Callable[[Target, str], gpd.GeoDataFrame]
Cleaned = dict[str, dict[str, int]]


def run(job: Job) -> dict[str, Any]:
    """Write inventory.parquet, extent.parquet and changes.json."""
    params = job.params
    read, size = file_reader(job) if params.source.source == "file" else service_reader(params)
    tables: dict[str, gpd.GeoDataFrame] = {}
    cleaned: Cleaned = {}
    for name, target in params.source.targets:
        frame = read(target, params.source.where)
        left_out = size(target) - len(frame) if params.source.where else 0
        tables[name], cleaned[name] = take_target(params, name, frame, left_out)
    refuse_empty(params, cleaned)
    inventory = gpd.GeoDataFrame(pd.concat(tables.values(), ignore_index=True), crs=params.crs)
    extent = mapped_extent(job, read)
    write(inventory, job.out / "inventory.parquet")
    write(extent, job.out / "extent.parquet")
    (job.out / "changes.json").write_text(json.dumps({"targets": cleaned}, indent=1, sort_keys=True))
    return {
        "region": params.region,
        "crs": params.crs,
        "counts": {name: len(table) for name, table in tables.items()},
        "dated": {name: int(table["date"].notna().sum()) for name, table in tables.items()},
        "areas_m2": {name: round(float(table.area.sum()), 3) for name, table in tables.items()},
        "mapped_m2": round(float(extent.area.sum()), 3),
        "cleaned": total(cleaned),
        "synthetic": params.synthetic,
        "attribution": params.source.attribution,
        "license": params.source.license,
    }


def take_target(
    params: Params, name: str, frame: gpd.GeoDataFrame, left_out: int
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """The clean table of one target, and what was cleaned."""
    source, region = params.source, shapely.box(*params.bounds)
    frame = place(frame, f"target {name}", region, params.crs)
    frame, counts = clean(frame, region, source.min_area_m2)
    if counts["read"] and counts["empty"] == counts["read"]:
        raise BadData(
            f"target {name}: none of {counts['read']} features is a polygon with an area; name a layer of polygons"
        )
    table = inventory_table(
        frame,
        name,
        source.id_field,
        source.landslide_field,
        source.date_field,
        source.confidence_field,
    )
    return table, {**counts, "left_out": left_out}


def refuse_empty(params: Params, cleaned: Cleaned) -> None:
    """No polygon at all is no inventory: where nothing slid, a mapped extent alone teaches a model nothing."""
    counts = total(cleaned)
    if counts["kept"]:
        return
    if counts["read"]:
        raise BadData(
            f"the inventory of region {params.region} is empty: none of {counts['read']} polygons meets its bounds "
            f"{params.bounds} ({params.crs}) as one that counts ({counts}); check the bounds and the layers' CRS"
        )
    raise BadData(
        f"the inventory of region {params.region} is empty: its source has no polygon for {', '.join(cleaned)} and "
        f"`where` left out {counts['left_out']}; check the layers, `where` and the region's bounds"
    )


def service_reader(params: Params) -> tuple[Read, Callable[[Target], int]]:
    """Reads a target's features from the service, and counts them without the source's `where`."""
    source = params.source

    def read(target: Target, where: str) -> gpd.GeoDataFrame:
        both_of = both(where, target.where)
        feed = open_layer(ask, source.url, target.layer, params.bounds, params.epsg, both_of)
        return read_feed(ask, feed, source.date_field)

    def size(target: Target) -> int:
        feed = open_layer(ask, source.url, target.layer, params.bounds, params.epsg, target.where)
        return count(ask, feed)

    return read, size


def file_reader(job: Job) -> tuple[Read, Callable[[Target], int]]:
    """Reads a target's features from the file, and counts them without the source's `where`."""
    path = opened(job, job.params.source.path, "path")

    def read(target: Target, where: str) -> gpd.GeoDataFrame:
        layer = None if target.layer == "" else target.layer
        return read_layer(path, layer, both(where, target.where))

    return read, lambda target: len(read(target, ""))


def opened(job: Job, address: str, role: str) -> Path:
    """A local copy of a file as it was when it was polled, ready to be read."""
    for name in (f"{role}-fetched", role):
        (job.work / name).mkdir(parents=True, exist_ok=True)
    return open_vector(fetch(address, job.state[role], job.work / f"{role}-fetched"), job.work / role)


def mapped_extent(job: Job, read: Read) -> gpd.GeoDataFrame:
    """One polygon: the part of the region that was mapped."""
    params, source = job.params, job.params.source
    region = shapely.box(*params.bounds)
    if source.extent == "bounds":
        shape = region
    else:
        if source.extent_path:
            frame = read_layer(opened(job, source.extent_path, "extent_path"), None, source.extent_where)
        else:
            frame = read(Target(source.extent_layer, source.extent_where), "")
        valid = place(frame, "the mapped extent", region, params.crs).geometry.dropna()
        valid = valid[np.isfinite(valid.bounds).all(axis=1)].force_2d().make_valid()
        shape = polygons_of(shapely.intersection(shapely.union_all(valid), region))
    if shape.area == 0:
        raise BadData(
            f"the mapped extent does not meet the region {params.bounds} ({params.crs}); check both"
        )
    return gpd.GeoDataFrame(geometry=[shapely.normalize(shape)], crs=params.crs)


def write(frame: gpd.GeoDataFrame, path: Path) -> None:
    """GeoParquet; the same rows give the same bytes."""
    frame.to_parquet(path, index=False, compression="zstd", schema_version="1.0.0")

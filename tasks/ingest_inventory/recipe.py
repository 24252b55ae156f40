"""Fetch, clean and tabulate a region's landslide polygons and its mapped extent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from tasks.contract.errors import BadData, SourceUnavailable
from tasks.ingest_inventory.arcgis import count, open_layer
from tasks.ingest_inventory.cleanup import clean, polygons_of, total
from tasks.ingest_inventory.esri import read_feed
from tasks.ingest_inventory.spec import Layer, Params
from tasks.ingest_inventory.table import inventory_table
from tasks.ingest_inventory.vector_file import open_vector, read_layer
from tasks.job import Job
from tasks.sources.download import ask
from tasks.sources.local import data_file, file_state

Read = Callable[[Layer, str], tuple[gpd.GeoDataFrame, int]]


def run(job: Job) -> dict[str, Any]:
    """Write inventory.parquet, extent.parquet and changes.json."""
    params = job.params
    read = file_reader(job) if params.source.source == "file" else service_reader(params)
    tables, cleaned = [], {}
    for target, layer in params.source.targets:
        table, cleaned[target] = take_target(params, target, *read(layer, params.source.where))
        tables.append(table)
    inventory = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=params.crs)
    extent = mapped_extent(job, read)
    write(inventory, job.out / "inventory.parquet")
    write(extent, job.out / "extent.parquet")
    (job.out / "changes.json").write_text(json.dumps({"targets": cleaned}, indent=1, sort_keys=True))
    return {
        "region": params.region,
        "crs": params.crs,
        "counts": {
            target: len(table) for (target, _), table in zip(params.source.targets, tables, strict=True)
        },
        "areas_m2": {
            target: round(float(table.area.sum()), 3)
            for (target, _), table in zip(params.source.targets, tables, strict=True)
        },
        "mapped_m2": round(float(extent.area.sum()), 3),
        "cleaned": total(cleaned),
        "synthetic": params.synthetic,
        "attribution": params.source.attribution,
        "license": params.source.license,
    }


def take_target(
    params: Params, target: str, frame: gpd.GeoDataFrame, left_out: int
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """The clean table of one target, and what was cleaned."""
    frame, counts = clean(frame.to_crs(params.crs), shapely.box(*params.bounds))
    if counts["read"] and counts["empty"] == counts["read"]:
        raise BadData(f"target {target}: none of {counts['read']} features is a polygon with an area")
    if counts["outside"] and not counts["kept"]:
        raise BadData(
            f"target {target}: none of {counts['read']} polygons meets the region {params.bounds} ({params.crs}); "
            "check the region's bounds, the layer's CRS and the order of its axes"
        )
    source = params.source
    return inventory_table(frame, target, source.id_field, source.landslide_field), {
        **counts,
        "left_out": left_out,
    }


def service_reader(params: Params) -> Read:
    """Reads a layer of the service, and counts what `where` leaves out of it."""

    def read(layer: Layer, where: str) -> tuple[gpd.GeoDataFrame, int]:
        feed = open_layer(ask, params.source.url, layer, params.bounds, params.epsg, where)
        frame = read_feed(ask, feed)
        return frame, count(ask, feed, "1=1") - len(frame) if where else 0

    return read


def file_reader(job: Job) -> Read:
    """Reads a layer of the file, and counts what `where` leaves out of it."""
    path = taken(job, job.params.source.path, "path")

    def read(layer: Layer, where: str) -> tuple[gpd.GeoDataFrame, int]:
        frame = read_layer(path, str(layer), where)
        return frame, len(read_layer(path, str(layer))) - len(frame) if where else 0

    return read


def taken(job: Job, name: str, role: str) -> Path:
    """The file itself, unless it changed since the poll."""
    if file_state(name) != job.state[role]:
        raise SourceUnavailable(f"{name} changed while it was taken; try again when it is complete")
    return open_vector(data_file(name), job.work / role)


def mapped_extent(job: Job, read: Read) -> gpd.GeoDataFrame:
    """One polygon: the part of the region that was mapped."""
    params, source = job.params, job.params.source
    region = shapely.box(*params.bounds)
    if source.extent == "bounds":
        shape = region
    else:
        frame = (
            read_layer(taken(job, source.extent_path, "extent_path"), None) if source.extent_path else None
        )
        frame = read(source.extent_layer, "")[0] if frame is None else frame
        valid = frame.to_crs(params.crs).geometry.dropna().force_2d().make_valid()
        shape = polygons_of(shapely.intersection(shapely.union_all(valid), region))
    if shape.area == 0:
        raise BadData(
            f"the mapped extent does not meet the region {params.bounds} ({params.crs}); check both"
        )
    return gpd.GeoDataFrame(geometry=[shapely.normalize(shape)], crs=params.crs)


def write(frame: gpd.GeoDataFrame, path: Path) -> None:
    """GeoParquet; the same rows give the same bytes."""
    frame.to_parquet(path, index=False, compression="zstd", schema_version="1.0.0")

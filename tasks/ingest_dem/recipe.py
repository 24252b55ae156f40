"""Fetch, check, mosaic and reproject a region's DEM."""

from __future__ import annotations

from typing import Any

from tasks.ingest_dem.fetch import rasters
from tasks.ingest_dem.gaps import Gaps
from tasks.ingest_dem.origins import Origins, terrain_dates
from tasks.ingest_dem.spec import METRES_PER_UNIT, Source
from tasks.ingest_dem.units import unit_of, vertical_datum, vertical_unit
from tasks.job import Job
from tasks.science.bounds import within
from tasks.science.mosaic import surface
from tasks.store.raster import write_cog

USGS = "U.S. Geological Survey, 3D Elevation Program"


def run(job: Job) -> dict[str, Any]:
    """Write dem.tif, elevation in metres on the region's grid plus margin, and sources.tif, whence each cell is."""
    params, source = job.params, job.params.source
    found = rasters(job)
    paths = [raster.path for raster in found]
    unit = vertical_unit(source.vertical_unit, {path.name: unit_of(path) for path in paths})
    grid = params.grid.padded(params.margin_px)
    gaps = Gaps(grid, within(grid, params.bounds))
    origins = Origins(job.work / "origins.dat", grid, len(found))
    parts = gaps.watch(surface(paths, grid, METRES_PER_UNIT[unit], origins=origins.take))
    raster = write_cog(job.out / "dem.tif", grid, parts, bands=["elevation"], units=["m"])
    gaps.check(source.max_gap)
    origins.write(job.out / "sources.tif")
    products = [dict(raster.record) for raster in found]
    return {
        **raster,
        "region": params.region,
        "margin_px": params.margin_px,
        "vertical_unit": "m",
        "source_vertical_unit": unit,
        "gap_share": gaps.share,
        "products": [{**p, "share": share} for p, share in zip(products, origins.shares(), strict=True)],
        "terrain_dates": terrain_dates(products, origins.shares()),
        "synthetic": params.synthetic,
        **credit(source, params.synthetic, {vertical_datum(path) for path in paths}),
    }


def credit(source: Source, synthetic: bool, in_files: set[str]) -> dict[str, str]:
    """Whom a map of this DEM has to name, and its datum. Synthetic terrain is nobody's survey."""
    real_usgs = source.source == "tnm" and not synthetic
    named = in_files.pop() if len(in_files) == 1 else ""
    return {
        "vertical_datum": source.vertical_datum or named or ("NAVD88" if real_usgs else "unknown"),
        "attribution": source.attribution or (USGS if real_usgs else ""),
        "license": source.license or ("public domain" if real_usgs else ""),
    }

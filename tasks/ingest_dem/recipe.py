"""Fetch, check, mosaic and reproject a region's DEM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.contract.errors import SourceUnavailable
from tasks.ingest_dem.gaps import Gaps
from tasks.ingest_dem.geotiff import check_geotiff
from tasks.ingest_dem.mosaic import surface
from tasks.ingest_dem.spec import METRES_PER_UNIT, Source
from tasks.ingest_dem.tnm import age
from tasks.ingest_dem.units import unit_in_file, vertical_unit
from tasks.job import Job
from tasks.science.bounds import within
from tasks.sources.download import download
from tasks.sources.local import data_file, sha256
from tasks.store.raster import open_geotiff, write_cog

USGS = "U.S. Geological Survey, 3D Elevation Program"


def run(job: Job) -> dict[str, Any]:
    """Write dem.tif: elevation in metres on the region's grid plus margin."""
    params, source = job.params, job.params.source
    fetched = fetch_tnm(job) if source.source == "tnm" else take_file(source, job.state)
    unit = vertical_unit(source.vertical_unit, {unit_of(path) for path, _ in fetched})
    grid = params.grid.padded(params.margin_px)
    gaps = Gaps(grid, within(grid, params.bounds))
    parts = gaps.watch(surface([path for path, _ in fetched], grid, METRES_PER_UNIT[unit]))
    raster = write_cog(job.out / "dem.tif", grid, parts, bands=["elevation"], units=["m"])
    gaps.check(source.max_gap)
    return {
        **raster,
        "region": params.region,
        "margin_px": params.margin_px,
        "vertical_unit": "m",
        "source_vertical_unit": unit,
        "gap_share": gaps.share,
        "products": [product for _, product in fetched],
        "synthetic": params.synthetic,
        **credit(source, params.synthetic),
    }


def fetch_tnm(job: Job) -> list[tuple[Path, dict[str, Any]]]:
    """Download the products the poll named, newest first, so that the newest wins where they overlap."""
    fetched = []
    for number, product in enumerate(sorted(job.state["products"], key=age, reverse=True)):
        path = job.work / f"{number}.tif"
        digest = download(product["url"], path)
        check_geotiff(path, f"{product['title']} ({product['url']})")
        record = {name: product[name] for name in ("title", "id", "published", "url")}
        fetched.append((path, {**record, "sha256": digest}))
    return fetched


def take_file(source: Source, state: Any) -> list[tuple[Path, dict[str, Any]]]:
    """The file the region names, unless it changed since the poll."""
    path = data_file(source.path)
    digest = sha256(path)
    if digest != state["sha256"][path.name]:
        raise SourceUnavailable(f"{source.path} changed while it was taken; try again when it is complete")
    check_geotiff(path, source.path)
    record = {"title": path.name, "id": digest[:12], "published": None, "url": source.path}
    return [(path, {**record, "sha256": digest})]


def unit_of(path: Path) -> str:
    """The vertical unit a file names."""
    with open_geotiff(path) as dataset:
        return unit_in_file(dataset.units[0])


def credit(source: Source, synthetic: bool) -> dict[str, str]:
    """Whom a map of this DEM has to name, and its datum. Synthetic terrain is nobody's survey."""
    real_usgs = source.source == "tnm" and not synthetic
    return {
        "vertical_datum": source.vertical_datum or ("NAVD88" if real_usgs else "unknown"),
        "attribution": source.attribution or (USGS if real_usgs else ""),
        "license": source.license or ("public domain" if real_usgs else ""),
    }

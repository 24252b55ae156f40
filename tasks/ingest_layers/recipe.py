"""Fetch each layer, check it and bring it onto the region's grid with the DEM's margin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype
from rasterio.warp import transform_bounds

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.ingest_layers.burn import burned
from tasks.ingest_layers.classes import UNKNOWN, Coding, plain
from tasks.ingest_layers.spec import Layer
from tasks.job import Job, Scratch
from tasks.science.mosaic import surface
from tasks.sources.files import fetch, scheme_of
from tasks.sources.raster import check_raster
from tasks.sources.vector import open_vector, read_layer
from tasks.store.raster import NODATA, Part, write_cog


def run(job: Job) -> dict[str, Any]:
    """Write <name>.tif for each layer."""
    params = job.params
    grid = params.grid.padded(params.margin_px)
    layers = {layer.name: write_layer(job, layer, grid) for layer in params.layers}
    return {
        **grid.properties(),
        "region": params.region,
        "synthetic": params.synthetic,
        "margin_px": params.margin_px,
        "layers": layers,
    }


def write_layer(job: Job, layer: Layer, grid: Grid) -> dict[str, Any]:
    """Write one layer; what the manifest says of it."""
    path = source_file(job, layer)
    coding = Coding(one.values for one in layer.classes)
    parts = of_polygons(path, job.work / layer.name, layer, grid, coding) if layer.field else None
    known = Known(parts or of_raster(path, layer, grid, coding), layer)
    categorical = layer.type == "categorical"
    write_cog(
        job.out / f"{layer.name}.tif",
        grid,
        known,
        bands=[layer.name],
        dtype="uint16" if categorical else "float32",
        nodata=UNKNOWN if categorical else NODATA,
        units=[layer.units],
        overviews="mode" if categorical else "average",
    )
    if not known.cells:
        raise BadData(nothing_known(job.params.region, layer, grid, coding))
    about: dict[str, Any] = {
        "type": layer.type,
        "units": layer.units,
        "classes": [one.label for one in layer.classes],
        "title": layer.title,
        "attribution": layer.attribution,
        "license": layer.license,
        "source": layer.path,
        "known_share": known.cells / (grid.width * grid.height),
    }
    return about | ({"unknown_values": coding.others} if categorical else {})


def source_file(job: Job, layer: Layer) -> Path:
    """The layer's file; what is fetched is kept as an artifact of its own, which other regions find."""
    state: Mapping[str, Any] = job.state[layer.path]
    if not scheme_of(layer.path):
        return fetch(layer.path, state, job.work)

    def make(folder: Path, scratch: Scratch) -> dict[str, Any]:
        path = fetch(layer.path, state, folder, scratch=scratch)
        return {"address": layer.path, "name": path.name}

    kept = job.share("source-file", {"address": layer.path, **state}, make)
    return kept.file(kept.properties["name"])


def of_raster(path: Path, layer: Layer, grid: Grid, coding: Coding) -> Iterator[Part]:
    """A raster on the grid, window by window."""
    check_raster(path, described(layer))
    for part in surface([path], grid, layer.scale, resampling=layer.method):
        yield Part(part.row, part.col, coding.codes(part.data)) if layer.classes else part


def of_polygons(path: Path, work: Path, layer: Layer, grid: Grid, coding: Coding) -> Iterator[Part]:
    """Polygons burned onto the grid, window by window. The attributes of those that meet it are in memory."""
    work.mkdir()
    frame = read_layer(open_vector(path, work), layer.layer or None, layer.where)
    if layer.field not in frame.columns or layer.field == frame.geometry.name:
        fields = ", ".join(map(str, frame.columns.drop(frame.geometry.name)))
        raise BadData(f"{described(layer)} has no field {layer.field!r}; it has {fields or 'none'}")
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    kinds = set(frame.geom_type) - {"Polygon", "MultiPolygon"}
    if kinds:
        raise BadData(
            f"{described(layer)} must be of polygons, found {', '.join(sorted(kinds))}; choose another layer"
        )
    frame = on_crs(frame, layer, grid)
    column = frame[layer.field]
    if layer.classes:
        values: NDArray[Any] = np.array([coding.code(plain(value)) for value in column], np.uint16)
        return burned(frame.geometry.to_numpy(), values, grid, UNKNOWN)
    if not is_numeric_dtype(column):
        raise BadData(
            f"{described(layer)}: field {layer.field!r} is no number but {column.iloc[:1].tolist()}; "
            "choose another field or make the layer categorical"
        )
    return burned(frame.geometry.to_numpy(), column.to_numpy(np.float32), grid, np.nan)


def on_crs(frame: GeoDataFrame, layer: Layer, grid: Grid) -> GeoDataFrame:
    """The polygons near the grid, in the file's order and the grid's CRS: far ones may have no place in it."""
    area = shapely.box(*transform_bounds(grid.crs, frame.crs, *grid.bounds))
    frame = frame.iloc[np.sort(frame.sindex.query(area))].to_crs(grid.crs)
    if not np.isfinite(frame.bounds.to_numpy()).all():
        raise BadData(
            f"{described(layer)} has polygons that reach too far for {grid.crs}; clip it to the region first"
        )
    return frame


class Known:
    """Parts on their way, whose known cells are counted; infinity is unknown."""

    def __init__(self, parts: Iterable[Part], layer: Layer) -> None:
        self._parts, self._layer, self.cells = parts, layer, 0

    def __iter__(self) -> Iterator[Part]:
        for part in self._parts:
            data = part.data
            if not self._layer.classes:
                data = np.where(np.isfinite(data), data, np.float32(np.nan))
            known = data != UNKNOWN if self._layer.classes else ~np.isnan(data)
            self.cells += int(known.sum())
            yield Part(part.row, part.col, data)


def described(layer: Layer) -> str:
    """The layer as errors call it."""
    return f"layer {layer.name} ({layer.path})"


def nothing_known(region: str, layer: Layer, grid: Grid, coding: Coding) -> str:
    """Why a layer has no value: it lies elsewhere, or its classes are other ones."""
    if coding.others:
        found = ", ".join(repr(other["value"]) for other in coding.others)
        declared = ", ".join(repr(value) for one in layer.classes for value in one.values)
        return (
            f"{described(layer)} has none of its declared classes in region {region}: declared {declared}, "
            f"found {found}; correct classes in [layers.{layer.name}]"
        )
    return (
        f"{described(layer)} does not meet region {region}: no value on {grid}; "
        f"check its coordinate reference system and path in [layers.{layer.name}]"
    )

"""Turn a probability raster into what people use: a mask, polygons and a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyogrio
from numpy.typing import NDArray

from tasks.contract.errors import GridMismatch
from tasks.contract.grid import Grid
from tasks.publish_map.polygons import polygons_of
from tasks.science.hillshade import hillshade
from tasks.science.preview import draw
from tasks.store.raster import Part, open_geotiff, read_window, write_cog

UNKNOWN = 255
INHERITED = ("region", "model", "version", "threshold", "license", "attribution")


def run(job: Any) -> dict[str, Any]:
    """Write mask.tif (0, 1, 255 unknown), polygons.gpkg and preview.png."""
    made, dem, truth = job.one("probability"), job.one("dem"), job.maybe("truth")
    grid, threshold = Grid.of(made.properties), float(made.properties["threshold"])
    probability = read_window(made.file("probability.tif"), 0, 0, grid.height, grid.width)[0]
    positive = probability >= threshold
    mask = np.where(np.isnan(probability), np.uint8(UNKNOWN), positive.astype(np.uint8))

    raster = write_cog(
        job.out / "mask.tif", grid, [Part(0, 0, mask)],
        bands=[made.properties["model"]], dtype="uint8", nodata=UNKNOWN, overviews="mode",
    )  # fmt: skip
    polygons = polygons_of(positive, probability, grid, job.params.min_area_m2)
    # A GeoPackage records when it was written; the same map shall have the same bytes.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
    pyogrio.write_dataframe(polygons, job.out / "polygons.gpkg", layer="landslides", geometry_type="Polygon")
    synthetic = any(a.properties.get("synthetic") for a in (made, dem, truth) if a is not None)
    title = "{} version {}, {}".format(
        job.params.title, made.properties["version"], made.properties["region"]
    )
    picture = draw(
        shaded(dem, grid), probability, threshold, truth_on(truth, grid), title + " (synthetic)" * synthetic
    )
    picture.savefig(job.out / "preview.png")
    inherited = {name: made.properties[name] for name in INHERITED if name in made.properties}
    return {
        **inherited,
        **raster,
        "synthetic": synthetic,
        "cells": int(np.count_nonzero(positive)),
        "area_m2": float(polygons["area_m2"].sum()),
        "polygons": len(polygons),
        "min_area_m2": job.params.min_area_m2,
    }


def shaded(dem: Any, grid: Grid) -> NDArray[np.float32]:
    """The hillshade of the map's cells."""
    margin = dem.properties["margin_px"]
    found = Grid.of(dem.properties).padded(-margin)
    if found != grid:
        raise GridMismatch(f"the DEM covers {found}, the probability {grid}; run predict again")
    around = read_window(dem.file("dem.tif"), margin - 1, margin - 1, grid.height + 2, grid.width + 2)[0]
    return hillshade(around, grid.cell_m)[1:-1, 1:-1]


def truth_on(truth: Any | None, grid: Grid) -> NDArray[np.uint8] | None:
    """The truth's mask, where there is one."""
    if truth is None:
        return None
    if (found := Grid.of(truth.properties)) != grid:
        raise GridMismatch(f"the truth covers {found}, the probability {grid}; run rasterize_inventory again")
    with open_geotiff(truth.file("mask.tif")) as dataset:
        mask: NDArray[np.uint8] = dataset.read(1)
    return mask

"""What a survey has beside elevation: soil and rock maps, rainfall, vegetation. By code, from the terrain they lie on.

Landslides shape none of them but through the terrain, so that a layer gives no outline away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from rasterio import Affine, features
from rasterio.warp import Resampling, reproject, transform_bounds
from scipy import ndimage
from shapely.geometry import shape

from infra.sample.folder import write_layers
from infra.sample.landscape import Climate, rock_noise
from infra.sample.noise import Field, rng_of, smooth_noise
from infra.sample.places import Place
from infra.sample.products import write_geotiff

_FACIES, _SOIL, _RAIN, _GREEN = 40, 41, 42, 43
MAP_UNIT_CELLS = 4
"""Cells of a side of what the soil and rock maps can show."""
RAIN_CELL_DEG = 1 / 120
"""30 arc-seconds, about 800 m: the cell of the usual climate grids."""
GREEN_CELL_M = 30.0
ROCKS = ("alluvium", "shale", "sandstone", "greenstone")
SOILS = ("clay", "clay loam", "sandy loam", "rock outcrop")

Classes = NDArray[np.uint8]


def lithology(z: Field, place: Place, seed: int) -> Classes:
    """Index into ROCKS: by the strength that eroded the landscape, weak to strong; alluvium on flat valley floors."""
    strength = rock_noise(z.shape, seed, Climate().strike_deg)
    strength = strength + 0.35 * smooth_noise(z.shape, 40.0, rng_of(seed, _FACIES))
    rock = 1 + np.digitize(strength, np.quantile(strength, [0.4, 0.8]))
    low = ndimage.gaussian_filter(z, 30.0) - z > 4.0
    return _generalised(np.where(low & (steepness(z, place.cell_m) < 0.12), 0, rock))


def soil(z: Field, rock: Classes, place: Place, seed: int) -> Classes:
    """Index into SOILS: finer on shale and alluvium and on gentle ground, none on the steepest."""
    fines = np.array([1.0, 1.4, -0.6, 0.1])[rock] - 4.0 * (steepness(z, place.cell_m) - 0.25)
    fines = fines + 0.6 * smooth_noise(z.shape, 50.0, rng_of(seed, _SOIL))
    return _generalised(3 - np.digitize(fines, [-1.6, -0.2, 1.2]))


def rainfall(z: Field, place: Place, seed: int) -> Field:
    """Mean annual precipitation in mm: more on high ground and on slopes that face the sea in the west."""
    broad = ndimage.gaussian_filter(z, 600.0 / place.cell_m)
    windward = np.gradient(broad, place.cell_m, axis=1)
    noise = smooth_noise(z.shape, 500.0, rng_of(seed, _RAIN))
    return np.maximum(420 + 0.8 * broad + 900 * windward + 15 * noise, 50).astype(np.float32)


def greenness(z: Field, rock: Classes, rain: Field, place: Place, seed: int) -> Field:
    """A vegetation index (NDVI), 0 to 1: greener where it is wetter, on north-facing slopes and off the bare rock."""
    down, east = np.gradient(ndimage.gaussian_filter(z, 3.0), place.cell_m)
    northness = down / np.hypot(1.0, np.hypot(down, east))
    noise = smooth_noise(z.shape, 25.0, rng_of(seed, _GREEN)) + smooth_noise(
        z.shape, 6.0, rng_of(seed, _GREEN, 1)
    )
    wet = (rain - rain.mean()) / 400
    return np.clip(0.48 + 0.3 * northness + 0.2 * wet - 0.05 * (rock == 3) + 0.06 * noise, 0.02, 0.95).astype(
        np.float32
    )


def steepness(z: Field, cell_m: float) -> Field:
    """Gradient of the ground without its landslides' own relief."""
    return np.hypot(*np.gradient(ndimage.gaussian_filter(z, 8.0), cell_m)).astype(np.float32)


def write_thematic(folder: Path, z: Field, place: Place, seed: int, note: str) -> dict[str, dict[str, Any]]:
    """Write the four layers over all of `z`; what the metadata says of each."""
    rock = lithology(z, place, seed)
    rain = rainfall(z, place, seed)
    write_layers(folder / "soil.gpkg", {"soil": polygons(soil(z, rock, place, seed), SOILS, "unit", place)})
    rocks = polygons(rock, ROCKS, "rock", place).to_crs("EPSG:4326")
    pyogrio.write_dataframe(
        rocks, folder / "lithology.geojson", driver="GeoJSON", layer="lithology", COORDINATE_PRECISION=7
    )
    left, bottom, right, top = bounds_of(z, place)
    west, south, east, north = transform_bounds(place.crs, "EPSG:4326", left, bottom, right, top)
    grids: dict[str, tuple[Field, str, tuple[float, ...], float]] = {
        "climate": (rain, "EPSG:4326", (west, south, east, north), RAIN_CELL_DEG),
        "vegetation": (
            greenness(z, rock, rain, place, seed), place.crs, (left, bottom, right, top), GREEN_CELL_M,
        ),
    }  # fmt: skip
    for name, (field, crs, bounds, cell) in grids.items():
        write_geotiff(folder / f"{name}.tif", *averaged(field, place, crs, bounds, cell), crs, note)
    return {
        "soil": {"file": "soil.gpkg", "field": "unit", "classes": list(SOILS)},
        "lithology": {"file": "lithology.geojson", "field": "rock", "classes": list(ROCKS)},
        "climate": {"file": "climate.tif", "units": "mm/a"},
        "vegetation": {"file": "vegetation.tif", "units": "1"},
    }


def polygons(classes: Classes, labels: tuple[str, ...], field: str, place: Place) -> GeoDataFrame:
    """A map of classes as polygons that share their borders, smoothed without gaps."""
    step = MAP_UNIT_CELLS
    coarse = np.ascontiguousarray(classes[step // 2 :: step, step // 2 :: step])
    found = [
        (shape(outline), labels[int(value)])
        for outline, value in features.shapes(coarse, transform=place.made_transform @ Affine.scale(step))
    ]
    found.sort(key=lambda one: (one[0].bounds, one[1]))
    shapes = shapely.coverage_simplify([outline for outline, _ in found], tolerance=step * place.cell_m)
    return GeoDataFrame({field: [label for _, label in found]}, geometry=list(shapes), crs=place.crs)


def averaged(
    field: Field, place: Place, crs: str, bounds: tuple[float, ...], cell: float
) -> tuple[Field, Affine]:
    """A field as means of cells whose edges lie on whole multiples of `cell` in `crs`, just within `bounds`."""
    left, bottom, right, top = (
        rounded(edge / cell)
        for rounded, edge in zip((np.ceil, np.ceil, np.floor, np.floor), bounds, strict=True)
    )
    out = np.empty((int(top - bottom), int(right - left)), np.float32)
    transform = Affine(cell, 0.0, left * cell, 0.0, -cell, top * cell)
    reproject(
        field, out, src_transform=place.made_transform, src_crs=place.crs, dst_transform=transform, dst_crs=crs,
        dst_nodata=-999999.0, resampling=Resampling.average,
    )  # fmt: skip
    return out, transform


def bounds_of(z: Field, place: Place) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of what was made."""
    return rasterio.transform.array_bounds(*z.shape, place.made_transform)


def _generalised(classes: NDArray[Any]) -> Classes:
    """Specks go: every cell takes the class that prevails around it."""
    shares: list[Field] = [
        ndimage.gaussian_filter((classes == c).astype(np.float32), 4.0) for c in range(int(classes.max()) + 1)
    ]
    return np.argmax(shares, axis=0).astype(np.uint8)

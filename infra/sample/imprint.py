"""Imprint synthetic landslides into a real elevation model: real terrain, exact truth.

python -m infra.sample.imprint --dem USGS_13_crop.tif --out DIR
"""

from __future__ import annotations

import argparse
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.warp import Resampling, reproject, transform_bounds
from scipy import ndimage
from shapely import MultiPolygon

from infra.sample.folder import INVENTORY, metadata, replacing, write_layers, write_metadata
from infra.sample.hillshade import write_hillshade
from infra.sample.outlines import inventory_rows, outline, slide_outline
from infra.sample.placement import Landslides, Sizes, imprint_landslides
from infra.sample.places import TILE_M
from infra.sample.products import NODATA, write_geotiff

VERSION = 2
NOTE = "Real USGS DEM with synthetic landslides imprinted: the terrain is real, the landslides are not"
CELL_M = 10.0
CELLS_A_SLIDE = 6500.0


@dataclass(frozen=True)
class Terrain:
    """Elevation in metres on square cells, NaN where unknown."""

    elevation: NDArray[np.float32]
    transform: Affine
    crs: str


def warped(path: Path, cell_m: float = CELL_M) -> Terrain:
    """The first band of a GeoTIFF on square metric cells of its UTM zone, cell edges on whole multiples of `cell_m`."""
    with rasterio.open(path, driver="GTiff") as source:
        west, south, east, north = transform_bounds(source.crs, "EPSG:4326", *source.bounds)
        zone = math.floor((west + east) / 2 / 6) + 31
        crs = f"EPSG:{(32600 if south + north > 0 else 32700) + zone}"
        left, bottom, right, top = transform_bounds(source.crs, crs, *source.bounds, densify_pts=64)
        col, row = math.floor(left / cell_m), math.ceil(top / cell_m)
        shape = row - math.floor(bottom / cell_m), math.ceil(right / cell_m) - col
        transform = Affine(cell_m, 0.0, col * cell_m, 0.0, -cell_m, row * cell_m)
        elevation = np.full(shape, np.nan, dtype=np.float32)
        reproject(
            rasterio.band(source, 1), elevation, dst_transform=transform, dst_crs=crs, dst_nodata=np.nan,
            resampling=Resampling.cubic,
        )  # fmt: skip
    return Terrain(elevation, transform, crs)


def with_landslides(
    terrain: Terrain, seed: int, count: int | None = None
) -> tuple[Landslides, NDArray[np.bool_]]:
    """Imprint slides, one for every 6500 cells unless `count` is given; the slides, and the cells that were mapped."""
    known = np.isfinite(terrain.elevation)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled = terrain.elevation[tuple(nearest)]
    mapped = ndimage.binary_erosion(known, iterations=5)
    count = count or round(float(known.sum()) / CELLS_A_SLIDE)
    taken = ~ndimage.binary_erosion(mapped, iterations=2)
    slides = imprint_landslides(
        filled,
        CELL_M,
        count,
        seed,
        taken=taken,
        border=~known,
        sizes=Sizes(median_ha=5.5, spread=0.7, most_ha=35.0),
    )
    elevation = np.where(known, slides.elevation, np.float32(np.nan))
    return Landslides(elevation, slides.scarp, slides.deposit, slides.slides), mapped


def whole_tiles(mapped: NDArray[np.bool_], transform: Affine) -> tuple[float, float, float, float]:
    """Bounds of the whole tiles within the mapped cells' middle: what a region file may ask for."""
    rows, cols = np.flatnonzero(mapped[:, mapped.shape[1] // 2]), np.flatnonzero(mapped[mapped.shape[0] // 2])
    left, top = transform @ (int(cols[0]), int(rows[0]))
    right, bottom = transform @ (int(cols[-1]) + 1, int(rows[-1]) + 1)
    up, down = (lambda x: math.ceil(x / TILE_M) * TILE_M), (lambda x: math.floor(x / TILE_M) * TILE_M)
    return up(left), up(bottom), down(right), down(top)


def write(folder: Path, terrain: Terrain, seed: int, source: dict[str, Any]) -> dict[str, Any]:
    """Write dem.tif, inventory.gpkg (scarps, deposits, extent), hillshade.png; metadata.json last."""
    slides, mapped = with_landslides(terrain, seed)
    extent = MultiPolygon(outline(mapped, terrain.transform))
    layers = {}
    for part, (name, numbers) in enumerate({"scarps": slides.scarp, "deposits": slides.deposit}.items()):
        windows = ndimage.find_objects(numbers.astype(np.int32))
        shapes = {
            n: slide_outline(numbers, n, window, terrain.transform) for n, window in enumerate(windows, 1)
        }
        layers[name] = inventory_rows({s.number: s for s in slides.slides}, shapes, terrain.crs, seed, part)
    layers["extent"] = GeoDataFrame({"OBJECTID": [1], "name": [NOTE]}, geometry=[extent], crs=terrain.crs)
    write_layers(folder / INVENTORY, layers)
    cells = np.nan_to_num(slides.elevation, nan=NODATA)
    write_geotiff(folder / "dem.tif", cells, terrain.transform, terrain.crs, NOTE)
    write_hillshade(folder / "hillshade.png", slides.elevation, CELL_M)
    bounds = whole_tiles(mapped, terrain.transform)
    found = {
        **source,
        "title": "Real USGS DEM with synthetic landslides imprinted",
        "synthetic": True,
        "note": NOTE,
        "crs": terrain.crs,
        "bounds": bounds,
        "cell_m": CELL_M,
        "region_toml": f'crs = "{terrain.crs}"\nbounds = {list(bounds)}\ncell_m = {CELL_M}\n',
        "base_rates": {
            "scarps": round(float((slides.scarp > 0)[mapped].mean()), 5),
            "deposits": round(float((slides.deposit > 0)[mapped].mean()), 5),
        },
        "landslides": len(slides.slides),
        "polygons": {name: len(rows) for name, rows in layers.items()},
        "inventory": INVENTORY,
    }
    write_metadata(folder, found)
    return found


def main(argv: list[str] | None = None) -> None:
    """Make the folder, or find it made."""
    parser = argparse.ArgumentParser(prog="infra.sample.imprint", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dem", type=Path, required=True, help="GeoTIFF of real terrain")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args(argv)
    with args.dem.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    source = {"dem": args.dem.name, "dem_sha256": digest, "seed": args.seed, "version": VERSION}
    found = metadata(args.out)
    if found is not None and source.items() <= found.items():
        print(f"{args.dem.name} with landslides is already in {args.out}")
        return
    with replacing(args.out) as fresh:
        found = write(fresh, warped(args.dem), args.seed, source)
    rates = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in found["base_rates"].items())
    print(f"{NOTE}. {found['landslides']} landslides, {rates} of the mapped cells")
    print(f"{args.out}\n{found['region_toml']}", end="")


if __name__ == "__main__":
    main()

"""Elevation products like those of the 3D Elevation Program: NAD83 degrees, 1/3 arc-second, one-degree tiles."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.warp import Resampling, reproject, transform_bounds

PER_DEGREE = 10800
"""Cells of a degree at 1/3 arc-second; cell edges lie on whole multiples."""
OVERLAP = 6
"""Cells a tile reaches beyond its degree on each side, as the real ones do."""
NODATA = -999999.0
CRS = "EPSG:4269"

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Product:
    """One GeoTIFF of the catalogue. `tile` names its north-west corner, as `n38w123`."""

    tile: str
    col: int
    row: int
    width: int
    height: int

    @property
    def file(self) -> str:
        """File name, as the real products have it."""
        return f"USGS_13_{self.tile}.tif"

    @property
    def transform(self) -> Affine:
        """Cells to degrees; `col` and `row` count cells east and north of 0, 0."""
        cell = 1.0 / PER_DEGREE
        return Affine(cell, 0.0, self.col / PER_DEGREE, 0.0, -cell, self.row / PER_DEGREE)

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in degrees."""
        west, north = self.col / PER_DEGREE, self.row / PER_DEGREE
        return west, north - self.height / PER_DEGREE, west + self.width / PER_DEGREE, north


def products_over(bounds: Bounds, crs: str) -> tuple[Product, ...]:
    """The one-degree tiles that `bounds` (in `crs`) touch, each cropped to `bounds`."""
    west, south, east, north = transform_bounds(crs, CRS, *bounds, densify_pts=64)
    left, right = math.floor(west * PER_DEGREE), math.ceil(east * PER_DEGREE)
    bottom, top = math.floor(south * PER_DEGREE), math.ceil(north * PER_DEGREE)
    found = []
    for degree_north in range(math.ceil(top / PER_DEGREE), math.floor(bottom / PER_DEGREE), -1):
        for degree_west in range(math.floor(left / PER_DEGREE), math.ceil(right / PER_DEGREE)):
            col = max(left, degree_west * PER_DEGREE - OVERLAP)
            row = min(top, degree_north * PER_DEGREE + OVERLAP)
            width = min(right, (degree_west + 1) * PER_DEGREE + OVERLAP) - col
            height = row - max(bottom, (degree_north - 1) * PER_DEGREE - OVERLAP)
            found.append(Product(f"n{degree_north:02d}w{-degree_west:03d}", col, row, width, height))
    return tuple(found)


def write_product(
    folder: Path, product: Product, elevation: NDArray[np.float32], transform: Affine, crs: str, note: str
) -> dict[str, Any]:
    """Warp `elevation` onto the product's cells, write the GeoTIFF, return its entry in the catalogue."""
    cells = np.full((product.height, product.width), NODATA, dtype=np.float32)
    reproject(
        elevation, cells, src_transform=transform, src_crs=crs, dst_transform=product.transform, dst_crs=CRS,
        dst_nodata=NODATA, resampling=Resampling.cubic,
    )  # fmt: skip
    write_geotiff(folder / product.file, cells, product.transform, CRS, note)
    return {
        **asdict(product),
        "file": product.file,
        "title": f"USGS 1/3 Arc Second {product.tile} (synthetic sample)",
        "sourceId": hashlib.sha256(cells.tobytes()).hexdigest()[:24],
        "bounds": product.bounds,
        "publicationDate": "2025-01-15",
        "lastUpdated": "2025-01-15T09:00:00.000-07:00",
    }


def write_geotiff(path: Path, cells: NDArray[np.float32], transform: Affine, crs: str, note: str) -> None:
    """One float32 band, tiled, compressed, with what it is in its description."""
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "height": cells.shape[0], "width": cells.shape[1],
        "crs": crs, "transform": transform, "nodata": NODATA, "tiled": True, "blockxsize": 256, "blockysize": 256,
        "compress": "deflate", "predictor": 3, "zlevel": 6,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(cells, 1)
        out.update_tags(TIFFTAG_IMAGEDESCRIPTION=note)

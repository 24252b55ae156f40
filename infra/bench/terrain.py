"""Terrain bands, file to file, beside GDAL's own gdaldem: time, processor time and memory, on one and on four tiles."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from infra.bench.measure import Figures, apart

BANDS = ("slope", "curvature")
MARGIN_PX = 32
TILE_PX = 10812
REPEATS = 3
LIMIT_MB = 1500


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """What was measured and what came of it; needs 12 GB of disk. The two take turns, to have the same machine."""
    dem, out = folder / "dem.tif", folder / "bands.tif"
    apart("infra.bench.terrain", "dem", dem, str(TILE_PX))
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(apart("infra.bench.terrain", "derive", dem, out))
        theirs.append(apart("infra.bench.terrain", "gdaldem", dem, folder / "gdal.tif"))
    size, as_large = out.stat().st_size / 1e6, 2 * (folder / "gdal.tif").stat().st_size / 1e6
    what = f"{TILE_PX} x {TILE_PX} cells to a COG of float32, deflated at level 1"
    yield f"{' and '.join(BANDS)}, {what}", f"{told(ours)}, {size:.0f} MB"
    yield "gdaldem slope twice, as two such COGs", f"{told(theirs)}, {as_large:.0f} MB"
    pairs = list(zip(ours, theirs, strict=True))
    wall = [mine.seconds / other.seconds for mine, other in pairs]
    cpu = [mine.cpu_s / other.cpu_s for mine, other in pairs]
    yield (
        "time of the first over that of the second",
        f"{statistics.median(wall):.2f} of {len(pairs)} pairs ({min(wall):.2f} to {max(wall):.2f}), "
        f"processor time {statistics.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f})",
    )
    apart("infra.bench.terrain", "dem", dem, str(2 * TILE_PX))
    four = apart("infra.bench.terrain", "derive", dem, out)
    grown = four.peak_mb / max(figures.peak_mb for figures in ours)
    yield (
        f"the same bands, {2 * TILE_PX} x {2 * TILE_PX} cells",
        f"{told([four])}: memory {grown:.2f} of one tile's, limit {LIMIT_MB} MB",
    )


def told(figures: list[Figures]) -> str:
    """The median times and the most memory."""
    middle = {name: statistics.median(asdict(one)[name] for one in figures) for name in ("seconds", "cpu_s")}
    peak = max(one.peak_mb for one in figures)
    return f"{middle['seconds']:.1f} s, processor time {middle['cpu_s']:.1f} s, peak memory {peak:.0f} MB"


def write_dem(path: Path, px: str) -> None:
    """Hills of several sizes with 0.3 m of noise, on square cells of 10 m, as ingest_dem would leave them."""
    import numpy as np

    from tasks.contract.grid import Grid
    from tasks.science.windows import windows
    from tasks.store.raster import Part, write_cog

    grid = Grid("EPSG:32610", 500000.0, 4300000.0, 10.0, int(px), int(px)).padded(MARGIN_PX)
    rng = np.random.default_rng(int(px))

    def parts() -> Iterator[Part]:
        for window in windows(grid.height, grid.width, 2048):
            y = (window.row + np.arange(window.height)[:, None]) * grid.cell_m
            x = (window.col + np.arange(window.width)[None]) * grid.cell_m
            heights = 800 + 500 * np.sin(y / 12000) * np.cos(x / 9000) + 40 * np.sin(y / 300 + x / 400)
            heights = heights + rng.normal(0, 0.3, heights.shape)
            yield Part(window.row, window.col, heights.astype(np.float32))

    write_cog(path, grid, parts(), bands=["elevation"], units=["m"])


def derive(dem: Path, out: str) -> None:
    """The bands of a DEM's inner cells, by derive_terrain's own functions."""
    import rasterio

    from tasks.contract.grid import Grid
    from tasks.derive_terrain.bands import Band
    from tasks.derive_terrain.recipe import derived
    from tasks.store.raster import write_cog

    with rasterio.open(dem) as raster:
        transform, crs, width, height = raster.transform, str(raster.crs), raster.width, raster.height
    grid = Grid(crs, transform.c, transform.f, transform.a, width, height).padded(-MARGIN_PX)
    bands = [Band.named(name) for name in BANDS]
    write_cog(
        Path(out),
        grid,
        derived(dem, grid, MARGIN_PX, bands),
        bands=BANDS,
        units=[band.units for band in bands],
        about=[band.description for band in bands],
    )


def gdaldem_for_each(dem: Path, out: str) -> None:
    """The slope as often as there are bands, with the creation options and the threads of `write_cog`."""
    from infra.bench.gdaldem import gdaldem
    from tasks.contract.threads import threads

    settings = {
        "COMPRESS": "DEFLATE",
        "LEVEL": "1",
        "PREDICTOR": "FLOATING_POINT",
        "BLOCKSIZE": "512",
        "RESAMPLING": "AVERAGE",
        "NUM_THREADS": str(threads()),
        "BIGTIFF": "IF_SAFER",
    }
    os.environ["GDAL_NUM_THREADS"] = settings["NUM_THREADS"]
    options = [word for name, value in settings.items() for word in ("-co", f"{name}={value}")]
    for _ in BANDS:
        gdaldem("slope", dem, Path(out), "-of", "COG", *options)


if __name__ == "__main__":
    works = {"dem": write_dem, "derive": derive, "gdaldem": gdaldem_for_each}
    works[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])

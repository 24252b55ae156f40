"""What gdaldem gives too is the same here, but for its sums in float32: two implementations that share no code."""

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from affine import Affine

from infra.bench.gdaldem import gdaldem, libgdal
from tasks.derive_terrain.bands import Band, derive

CELL_M = 28.5
INNER = (slice(1, -1), slice(1, -1))


@pytest.fixture(scope="module")
def hills(tmp_path_factory) -> tuple[np.ndarray, Path]:
    """Rough ground with a lake and holes, in memory and as a GeoTIFF."""
    dem = np.random.default_rng(5).normal(0, 1, (120, 150)).cumsum(0).cumsum(1).astype(np.float32) + 600
    dem[20:40, 90:130] = 570
    dem[70, 60] = dem[90:100, 20:50] = np.nan
    path = tmp_path_factory.mktemp("gdaldem") / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=120, width=150, crs="EPSG:32643",
        transform=Affine(CELL_M, 0, 374000, 0, -CELL_M, 3810000), nodata=-9999,
    ) as raster:  # fmt: skip
        raster.write(np.where(np.isnan(dem), -9999, dem), 1)
    return dem, path


def by_gdal(source: Path, mode: str, *options: str) -> np.ndarray:
    out = source.with_name(f"{mode}.tif")
    gdaldem(mode, source, out, *options)
    with rasterio.open(out) as raster:
        return raster.read(1, masked=True).filled(np.nan)


@pytest.mark.parametrize(
    ("band", "mode", "atol"),
    [
        ("slope", "slope", 5e-4),
        ("tpi_px1", "TPI", 2e-4),
        ("local_relief_px1", "roughness", 0),
        ("ruggedness", "TRI", 5e-4),
    ],
)
def test_a_band_is_gdals(hills, band, mode, atol):
    dem, path = hills
    (found,) = derive(dem, [Band.named(band)], CELL_M)
    np.testing.assert_allclose(found[INNER], by_gdal(path, mode)[INNER], rtol=1e-6, atol=atol)


def test_aspect_is_gdals_and_flat_ground_is_its_nodata(hills):
    dem, path = hills
    (found,) = derive(dem, [Band.named("aspect")], CELL_M)
    expected = by_gdal(path, "aspect")
    flat = found == -1
    assert flat[21:39, 91:129].all()
    np.testing.assert_array_equal((np.isnan(found) | flat)[INNER], np.isnan(expected)[INNER])
    turned = (found - expected + 180) % 360 - 180
    assert np.nanmax(np.abs(turned[INNER])) < 0.05


def test_rasterios_gdal_is_taken_beside_that_of_another_package():
    assert pyogrio.__gdal_version__
    assert "rasterio.libs" in libgdal.__wrapped__()._name


def test_gdaldem_writes_a_cog_with_the_options_it_is_given(hills, tmp_path):
    gdaldem(
        "slope",
        hills[1],
        tmp_path / "slope.tif",
        "-of",
        "COG",
        "-co",
        "COMPRESS=DEFLATE",
        "-co",
        "BLOCKSIZE=128",
    )
    with rasterio.open(tmp_path / "slope.tif") as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.block_shapes == [(128, 128)]


@pytest.mark.parametrize(
    ("mode", "name", "options", "message"),
    [
        ("slope", "none.tif", (), "No such file"),
        ("slop", "dem.tif", (), "Invalid processing mode: slop"),
        ("slope", "dem.tif", ("-steep",), "-steep"),
    ],
)
def test_what_gdal_refuses_is_raised_with_its_reason(hills, tmp_path, mode, name, options, message):
    with pytest.raises(OSError, match=message):
        gdaldem(mode, hills[1].with_name(name), tmp_path / "out.tif", *options)

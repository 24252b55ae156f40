"""derive_terrain run as a task, on a plane and on real ground."""

import math

import numpy as np
import pytest
import rasterio
from rasterio.warp import Resampling, calculate_default_transform, reproject
from rio_cogeo.cogeo import cog_validate

from tasks.contract.errors import BadData, Refused
from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.derive_terrain.bands import Band
from tasks.derive_terrain.recipe import derived
from tasks.store.raster import Part, write_cog

GRID = Grid("EPSG:32610", 563200.0, 4208000.0, 10.0, 128, 192)
CONFIG = {
    "bands": '[here]\nbands = ["elevation", "slope", "curvature", "relief_sd5", "roughness"]',
    "recipes/small": 'bands = "here"',
}


@pytest.fixture
def dem(make_artifact, file_store, tmp_path):
    """Puts a DEM and its report into the store: dem(heights, margin) -> refs."""

    def put(heights: np.ndarray, margin: int, passed: bool = True) -> dict[str, str]:
        path = tmp_path / "dem.tif"
        raster = write_cog(path, GRID.padded(margin), [Part(0, 0, heights)], bands=["elevation"])
        ref = make_artifact(
            "dem", {"dem.tif": path}, {**raster, "region": "here", "margin_px": margin, "synthetic": True}
        )
        subject = Refs(file_store).read(ref)[0].items["dem"].digest
        verdict = {"passed": passed, "reasons": [] if passed else ["12 % of the cells are empty"]}
        return {
            "dem": ref,
            "report": make_artifact(
                "dem-report", {"index.html": b""}, {"verdict": verdict, "subject": subject}
            ),
        }

    return put


def plane(margin: int) -> np.ndarray:
    y, x = np.mgrid[0 : 192 + 2 * margin, 0 : 128 + 2 * margin] * 10.0
    return (500 + 0.3 * x + 0.4 * y).astype(np.float32)


def test_the_stack_of_a_plane_is_right_up_to_the_regions_edge(dem, run_task, config_folder):
    stack = run_task("derive_terrain", dem(plane(32), 32), {"recipe": "small"}, config_folder(**CONFIG))
    assert Grid.of(stack.properties) == GRID
    assert stack.properties["units"]["slope"] == "degree"
    with rasterio.open(stack.file("stack.tif")) as raster:
        assert raster.descriptions == ("elevation", "slope", "curvature", "relief_sd5", "roughness")
        assert raster.nodata == -9999.0
        elevation, slope, curvature, relief, roughness = raster.read()
    np.testing.assert_array_equal(elevation, plane(32)[32:-32, 32:-32])
    np.testing.assert_allclose(slope, math.degrees(math.atan(0.5)), rtol=1e-4)
    np.testing.assert_allclose(curvature, 0, atol=5e-4)
    np.testing.assert_allclose(relief, 0, atol=1e-4)
    np.testing.assert_allclose(roughness, 0, atol=1e-4)


def test_a_hole_grows_by_one_cell_and_is_nodata_on_disk(dem, run_task, config_folder):
    heights = plane(32)
    heights[100, 80] = np.nan
    stack = run_task("derive_terrain", dem(heights, 32), {"recipe": "small"}, config_folder(**CONFIG))
    with rasterio.open(stack.file("stack.tif")) as raster:
        empty = raster.read() == -9999.0
    assert empty.sum() == 5 * 9
    assert empty[:, 67:70, 47:50].all()


def test_a_margin_too_small_for_the_bands_is_refused(dem, run_task, config_folder):
    with pytest.raises(BadData, match=r"need 20 cells around the region.*margin_px = 8"):
        run_task("derive_terrain", dem(plane(8), 8), {"recipe": "small"}, config_folder(**CONFIG))


def test_a_dem_that_failed_validation_is_refused(dem, run_task, config_folder):
    with pytest.raises(Refused, match="12 % of the cells are empty"):
        run_task(
            "derive_terrain", dem(plane(32), 32, passed=False), {"recipe": "small"}, config_folder(**CONFIG)
        )


def test_the_stack_is_a_cog_with_all_that_a_band_is(dem, run_task, config_folder):
    stack = run_task("derive_terrain", dem(plane(32), 32), {"recipe": "small"}, config_folder(**CONFIG))
    path = stack.file("stack.tif")
    assert cog_validate(path, strict=True) == (True, [], [])
    with rasterio.open(path) as raster:
        about = raster.tags(2)
        assert (raster.descriptions[1], raster.units[1]) == ("slope", "degree")
    assert about["long_name"] == "slope (Horn 1981)"
    assert float(about["STATISTICS_MEAN"]) == pytest.approx(math.degrees(math.atan(0.5)), rel=1e-4)
    assert about["STATISTICS_VALID_PERCENT"] == "100"


def test_the_stack_has_the_same_bytes_with_one_thread_and_with_four(tmp_path, monkeypatch):
    heights = plane(32) + np.random.default_rng(4).normal(size=(256, 192)).astype(np.float32)
    write_cog(tmp_path / "dem.tif", GRID.padded(32), [Part(0, 0, heights)], bands=["elevation"])
    names = ("slope", "curvature", "roughness", "relief_sd5")
    made = set()
    for number in ("1", "4"):
        monkeypatch.setenv("PIPELINE_THREADS", number)
        parts = derived(tmp_path / "dem.tif", GRID, 32, [Band.named(name) for name in names], 50)
        write_cog(tmp_path / "stack.tif", GRID, parts, bands=names)
        made.add((tmp_path / "stack.tif").read_bytes())
    assert len(made) == 1


def test_windows_equal_the_whole_on_real_ground(shared_data, tmp_path):
    source = shared_data / "alum-rock" / "USGS_13_alum_rock_crop_epsg4269.tif"
    if not source.exists():
        pytest.skip(f"the USGS DEM is not at {source}")
    with rasterio.open(source) as raster:
        transform, width, height = calculate_default_transform(
            raster.crs, "EPSG:32610", raster.width, raster.height, *raster.bounds, resolution=10.0
        )
        heights = np.full((height, width), np.nan, np.float32)
        reproject(
            rasterio.band(raster, 1), heights, dst_transform=transform, dst_crs="EPSG:32610",
            dst_nodata=np.nan, resampling=Resampling.bilinear,
        )  # fmt: skip
    heights[200:203, 300:340] = np.nan
    whole = Grid("EPSG:32610", transform.c, transform.f, 10.0, width, height)
    write_cog(tmp_path / "dem.tif", whole, [Part(0, 0, heights)], bands=["elevation"])
    bands = [
        Band.named(n) for n in ("elevation", "slope", "curvature", "curvature_sd2", "relief_sd5", "roughness")
    ]
    grid, stacks = whole.padded(-20), []
    for size in (4096, 150):
        stack = np.empty((len(bands), grid.height, grid.width), np.float32)
        for part in derived(tmp_path / "dem.tif", grid, 20, bands, size):
            rows, cols = part.data.shape[1:]
            stack[:, part.row : part.row + rows, part.col : part.col + cols] = part.data
        stacks.append(stack)
    assert stacks[0].tobytes() == stacks[1].tobytes()
    known = ~np.isnan(stacks[0][0])
    assert (~known).sum() == 5 * 42
    slope = stacks[0][1][known]
    assert 5 < np.median(slope) < 25
    assert slope.max() < 75

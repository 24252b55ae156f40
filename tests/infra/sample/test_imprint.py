from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio

from infra.sample.folder import metadata
from infra.sample.imprint import main, warped, with_landslides

ALUM_ROCK = Path(__file__).parents[4] / "shared/data/alum-rock/USGS_13_alum_rock_crop_epsg4269.tif"


@pytest.fixture(scope="module")
def dem(sample_folder) -> Path:
    """A product of the small sample, taken for a real one."""
    return sample_folder / "USGS_13_n38w123.tif"


def test_warping_snaps_to_whole_cells_of_the_utm_zone(dem):
    terrain = warped(dem)
    assert terrain.crs == "EPSG:32610"
    assert terrain.transform.c % 10 == 0
    assert terrain.transform.f % 10 == 0
    assert np.isfinite(terrain.elevation).mean() > 0.95


def test_nodata_stays_and_slides_keep_off_it(dem):
    terrain = warped(dem)
    slides, mapped = with_landslides(terrain, seed=3, count=15)
    known = np.isfinite(terrain.elevation)
    np.testing.assert_array_equal(np.isfinite(slides.elevation), known)
    assert mapped[(slides.scarp > 0) | (slides.deposit > 0)].all()
    change = slides.elevation[known].astype(float) - terrain.elevation[known]
    assert abs(change.sum()) < 2e-3 * np.abs(change).sum()


def test_real_terrain_gets_a_file_source(tmp_path):
    if not ALUM_ROCK.exists():
        pytest.skip("the Alum Rock DEM is not in ../shared/data")
    main(["--dem", str(ALUM_ROCK), "--out", str(tmp_path / "alum-rock")])
    found = metadata(tmp_path / "alum-rock")
    assert found["synthetic"]
    assert "Real USGS DEM" in found["note"]
    assert 0.01 < found["base_rates"]["scarps"] < 0.05
    scarps, deposits, extent = (
        geopandas.read_file(tmp_path / "alum-rock" / "inventory.gpkg", layer=layer)
        for layer in ("scarps", "deposits", "extent")
    )
    assert set(scarps["ls_id"]) == set(deposits["ls_id"])
    assert len(scarps) > 30
    assert scarps.within(extent.geometry[0]).all()
    with rasterio.open(tmp_path / "alum-rock" / "dem.tif", driver="GTiff") as source:
        assert source.crs == scarps.crs
        assert source.res == (10.0, 10.0)

"""The sample's soil, rock, climate and vegetation: whole maps that follow the terrain, not the landslides."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
from scipy import ndimage
from shapely import box

from infra.sample.folder import metadata
from infra.sample.places import MARGIN_CELLS, SMALL
from infra.sample.thematic import ROCKS, SOILS, greenness, lithology, rainfall, soil

MARGIN_M = 128 * SMALL.cell_m


@pytest.fixture(scope="module")
def ground(small):
    """Elevation, rock, rain."""
    z = small.landslides.elevation
    return z, lithology(z, SMALL, 7), rainfall(z, SMALL, 7)


@pytest.mark.parametrize(("file", "field", "labels"), [
    ("soil.gpkg", "unit", SOILS), ("lithology.geojson", "rock", ROCKS),
])  # fmt: skip
def test_maps_of_polygons_are_valid_and_leave_no_gap(sample_folder, file, field, labels):
    rows = geopandas.read_file(sample_folder / file).to_crs(SMALL.crs)
    assert rows.is_valid.all()
    assert set(rows[field]) == set(labels)
    region = box(*SMALL.bounds).buffer(MARGIN_M)
    assert rows.area.sum() == pytest.approx(rows.union_all().area, rel=1e-6)
    assert region.difference(rows.union_all()).area < 1e-6 * region.area


@pytest.mark.parametrize("name", ["climate", "vegetation"])
def test_rasters_cover_the_region_and_its_margin(sample_folder, name):
    with rasterio.open(sample_folder / f"{name}.tif", driver="GTiff") as raster:
        cells = raster.read(1, masked=True)
        region = geopandas.GeoSeries([box(*SMALL.bounds).buffer(MARGIN_M)], crs=SMALL.crs).to_crs(raster.crs)
        assert box(*raster.bounds).contains(region[0])
        assert "Synthetic" in raster.tags()["TIFFTAG_IMAGEDESCRIPTION"]
    assert not np.ma.is_masked(cells)
    low, high = {"climate": (250, 1500), "vegetation": (0, 1)}[name]
    assert low < cells.min() < cells.max() < high


def test_high_ground_is_wetter_and_slopes_to_the_north_are_greener(ground):
    z, rock, rain = ground
    assert np.corrcoef(z.ravel(), rain.ravel())[0, 1] > 0.3
    green = greenness(z, rock, rain, SMALL, 7)
    down = np.gradient(ndimage.gaussian_filter(z, 3.0), SMALL.cell_m, axis=0)
    assert green[down > 0.2].mean() > green[down < -0.2].mean() + 0.05


def test_alluvium_is_flat_and_outcrops_are_steep(ground):
    z, rock, _ = ground
    steep = np.hypot(*np.gradient(ndimage.gaussian_filter(z, 8.0), SMALL.cell_m))
    assert np.median(steep[rock == 0]) < 0.6 * np.median(steep[rock > 0])
    outcrop = soil(z, rock, SMALL, 7) == SOILS.index("rock outcrop")
    assert np.median(steep[outcrop]) > 1.3 * np.median(steep)


def test_rock_does_not_outline_landslides(small, ground):
    """A class border is no more frequent along the edge of a deposit than elsewhere, so it gives no outline away."""
    _, rock, _ = ground
    border = ndimage.morphological_gradient(rock, size=3) > 0
    deposit = small.landslides.deposit > 0
    edge = deposit ^ ndimage.binary_erosion(deposit)
    inner = np.zeros_like(edge)
    inner[MARGIN_CELLS:-MARGIN_CELLS, MARGIN_CELLS:-MARGIN_CELLS] = True
    assert border[edge & inner].mean() < 1.5 * border[inner].mean()


def test_the_metadata_name_every_layer(sample_folder):
    layers = metadata(sample_folder)["layers"]
    assert sorted(layers) == ["climate", "lithology", "soil", "vegetation"]
    assert all((sample_folder / layer["file"]).exists() for layer in layers.values())

"""publish_map run as a task."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from matplotlib.image import imread

from tasks.contract.errors import GridMismatch
from tasks.contract.grid import Grid
from tasks.store.raster import Part, write_cog

GRID = Grid("EPSG:32610", 0.0, 1280.0, 10.0, 64, 128)
CONFIG = {"models/scarps": 'title = "Landslide scarps"\n[map]\nmin_area_m2 = 400'}


@pytest.fixture
def takes(make_artifact, tmp_path):
    """Puts a probability, the DEM below it and the truth into the store."""

    def put(truth_grid: Grid = GRID, empty: bool = False) -> dict[str, str]:
        probability = np.full(GRID.shape, 0.1, np.float32)
        if not empty:
            probability[20:30, 20:40] = 0.9
            probability[60, 60] = 0.8
        probability[100:, :10] = np.nan
        heights = np.random.default_rng(1).normal(300, 2, GRID.padded(16).shape).astype(np.float32)
        truth = np.zeros(truth_grid.shape, np.uint8)
        truth[22:32, 20:40], truth[:, -4:] = 1, 255
        made = {
            "probability": write_cog(
                tmp_path / "probability.tif", GRID, [Part(0, 0, probability)], bands=["p"]
            ),
            "dem": write_cog(
                tmp_path / "dem.tif", GRID.padded(16), [Part(0, 0, heights)], bands=["elevation"]
            ),
            "mask": write_cog(
                tmp_path / "mask.tif",
                truth_grid,
                [Part(0, 0, truth)],
                bands=["scarps"],
                dtype="uint8",
                nodata=255,
            ),
        }
        extra = {
            "probability": {"model": "scarps", "version": 3, "region": "here", "threshold": 0.5},
            "dem": {"region": "here", "margin_px": 16, "synthetic": True},
            "mask": {"region": "here", "target": "scarps"},
        }
        refs = {
            k: make_artifact(k, {f"{k}.tif": tmp_path / f"{k}.tif"}, {**made[k], **extra[k]}) for k in made
        }
        return {"probability": refs["probability"], "dem": refs["dem"], "truth": refs["mask"]}

    return put


def test_mask_polygons_and_picture_of_one_map(takes, run_task, config_folder):
    made = run_task("publish_map", takes(), {"model": "scarps"}, config_folder(**CONFIG))
    with rasterio.open(made.file("mask.tif")) as raster:
        assert np.bincount(raster.read(1).ravel())[[1, 255]].tolist() == [201, 280]
    polygons = gpd.read_file(made.file("polygons.gpkg"))
    assert polygons["area_m2"].tolist() == [20000.0]
    assert polygons["mean_probability"][0] == pytest.approx(0.9, abs=1e-4)
    assert made.properties["area_m2"] == 20000.0
    assert (made.properties["version"], made.properties["synthetic"]) == (3, True)
    assert imread(made.file("preview.png")).std() > 0.05


def test_the_same_map_has_the_same_bytes(takes, run_task, config_folder, file_store):
    refs = takes()
    first = run_task("publish_map", refs, {"model": "scarps"}, config_folder(**CONFIG))
    file_store.delete(f"{first.item.folder}/manifest.json")
    assert run_task("publish_map", refs, {"model": "scarps"}, config_folder(**CONFIG)).digest == first.digest


def test_without_truth_and_without_landslides_there_is_still_a_map(takes, run_task, config_folder):
    refs = takes(empty=True)
    del refs["truth"]
    made = run_task("publish_map", refs, {"model": "scarps"}, config_folder(**CONFIG))
    assert made.properties["polygons"] == len(gpd.read_file(made.file("polygons.gpkg"))) == 0


def test_truth_on_another_grid_is_refused(takes, run_task, config_folder):
    with pytest.raises(GridMismatch, match="run rasterize_inventory again"):
        run_task(
            "publish_map", takes(truth_grid=GRID.padded(32)), {"model": "scarps"}, config_folder(**CONFIG)
        )

"""rasterize_inventory run as a task."""

import pytest
import rasterio
from shapely.geometry import box

from tasks.contract.errors import BadData, GridMismatch, InvalidConfig
from tasks.contract.refs import Refs

CONFIG = {
    "regions/here": '[inventory.targets]\nscarps = "Scarp"\ndeposits = "Deposit"',
    "models/scarps": 'target = "scarps"',
    "models/deposits": 'target = "deposits"',
    "models/gullies": 'target = "gullies"',
}


def test_cells_are_counted_exactly_and_the_unmapped_is_unknown(inputs, run_task, config_folder):
    mask = run_task(
        "rasterize_inventory", inputs(), {"region": "here", "model": "scarps"}, config_folder(**CONFIG)
    )
    with rasterio.open(mask.file("mask.tif")) as raster:
        cells = raster.read(1)
    assert (cells == 1).sum() == 5 * 20
    assert (cells[:, 60:] == 255).all()
    assert (cells == 255).sum() == 4 * 128 + 1
    assert mask.properties["positives"] == 100
    assert mask.properties["landslides"] == 1


def test_nodata_under_a_polygon_is_unknown_in_mask_and_numbers(inputs, run_task, config_folder):
    hole = inputs(scarp=box(100, 900, 150, 950))
    mask = run_task(
        "rasterize_inventory", hole, {"region": "here", "model": "scarps"}, config_folder(**CONFIG)
    )
    with (
        rasterio.open(mask.file("mask.tif")) as labels,
        rasterio.open(mask.file("landslides.tif")) as numbers,
    ):
        assert labels.read(1)[35, 12] == 255
        assert numbers.read(1)[35, 12] == 0
        assert numbers.read(1).sum() == mask.properties["positives"] == 24


def test_an_edited_scarp_leaves_the_deposits_as_they_are(inputs, run_task, config_folder):
    config = config_folder(**CONFIG)
    before, after = inputs(), inputs(scarp=box(100, 700, 180, 900))
    for model, changed in (("scarps", True), ("deposits", False)):
        given = {"region": "here", "model": model}
        first, second = (
            run_task("rasterize_inventory", refs, given, config).manifest for refs in (before, after)
        )
        assert first.key != second.key
        assert (first.digest != second.digest) == changed


def test_another_crs_a_missing_target_and_an_empty_one_are_refused(inputs, run_task, config_folder):
    config = config_folder(**CONFIG)
    with pytest.raises(GridMismatch, match="EPSG:32611"):
        run_task(
            "rasterize_inventory", inputs(crs="EPSG:32611"), {"region": "here", "model": "scarps"}, config
        )
    with pytest.raises(InvalidConfig, match="maps 'gullies'"):
        run_task("rasterize_inventory", inputs(), {"region": "here", "model": "gullies"}, config)
    beyond = inputs(scarp=box(610, 0, 630, 20))
    mask = run_task("rasterize_inventory", beyond, {"region": "here", "model": "scarps"}, config)
    assert mask.properties["positives"] == 0


def test_a_target_without_polygons_is_refused(inputs, run_task, config_folder):
    texts = {**CONFIG, "regions/here": '[inventory.targets]\ngullies = "Gully"'}
    with pytest.raises(BadData, match="no polygon of target 'gullies'"):
        run_task(
            "rasterize_inventory", inputs(), {"region": "here", "model": "gullies"}, config_folder(**texts)
        )


def test_a_region_of_small_polygons_burns_every_cell_they_touch(inputs, run_task, config_folder):
    texts = {**CONFIG, "regions/fine": CONFIG["regions/here"] + "\n[rasterize]\nall_touched = true"}
    refs, config = inputs(scarp=box(101, 701, 102, 702)), config_folder(**texts)
    cells = [
        run_task("rasterize_inventory", refs, {"region": region, "model": "scarps"}, config).properties[
            "positives"
        ]
        for region in ("here", "fine")
    ]
    assert cells == [0, 1]


@pytest.mark.parametrize(
    ("date", "ignored"), [("2019-07", True), ("2019", False), ("2019-06-30", False), (None, False)]
)
def test_a_landslide_younger_than_the_terrain_can_be_ignored(inputs, run_task, config_folder, date, ignored):
    """It cannot have left its shape in elevations that were surveyed before it moved."""
    there = '[rasterize]\nyounger = "ignore"\n' + CONFIG["regions/here"]
    config, refs = config_folder(**CONFIG, **{"regions/there": there}), inputs(date=date)
    kept = run_task("rasterize_inventory", refs, {"region": "here", "model": "scarps"}, config)
    assert (kept.properties["positives"], kept.properties["younger_than_terrain"]) == (100, int(ignored))
    made = run_task("rasterize_inventory", refs, {"region": "there", "model": "scarps"}, config)
    assert made.properties["positives"] == (0 if ignored else 100)
    assert made.properties["unknown"] - kept.properties["unknown"] == (100 if ignored else 0)


def test_a_field_that_models_do_not_see_changes_the_inventory_and_not_the_mask(
    inputs, run_task, config_folder, file_store
):
    given, config, refs = {"region": "here", "model": "scarps"}, config_folder(**CONFIG), Refs(file_store)
    first, edited = inputs(), inputs(source='{"mapped_by": "somebody else"}')
    digests = [refs.need(taken["inventory"]).items["inventory"].digest for taken in (first, edited)]
    assert digests[0] != digests[1]
    masks = [run_task("rasterize_inventory", taken, given, config) for taken in (first, edited)]
    assert masks[0].key != masks[1].key
    assert masks[0].digest == masks[1].digest, "and so nothing after it is made again"

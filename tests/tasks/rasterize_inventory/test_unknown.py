"""What is unknown besides the unmapped: doubtful landslides, what surrounds them, excluded land."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from tasks.contract.config import Config
from tasks.contract.errors import BadData, GridMismatch, InvalidParams, Refused
from tasks.contract.grid import Grid
from tasks.rasterize_inventory.burn import Outlines
from tasks.rasterize_inventory.ground import Cells, ExcludedLand, Ground
from tasks.rasterize_inventory.spec import Params
from tasks.store.raster import Part, write_cog

GRID, MARGIN = Grid("EPSG:32610", 0.0, 1280.0, 10.0, 64, 128), 16
SCARP = box(100, 700, 150, 900)


def cells_of(mask):
    with (
        rasterio.open(mask.file("mask.tif")) as labels,
        rasterio.open(mask.file("landslides.tif")) as numbers,
    ):
        return labels.read(1), numbers.read(1)


def test_questionable_landslides_are_unknown_and_others_count(several, burn):
    rows = ("1", "d", SCARP), ("2", "q", box(300, 700, 350, 900)), ("3", None, box(300, 100, 350, 200))
    mask = burn(several(*rows), 'questionable = ["q"]')
    cells, numbers = cells_of(mask)
    assert (cells[38:58, 30:35] == 255).all()
    assert mask.properties["unknown_because"]["questionable"] == 100
    assert mask.properties["positives"] == 100 + 50, "no confidence is no doubt"
    assert set(np.unique(numbers)) == {0, 1, 3}
    assert mask.properties["confidences"] == {"d": 1, "q": 1}


def test_outlines_of_those_that_count_are_kept_whole_by_the_number_that_is_burnt(several, burn):
    """Most of a landslide may lie beyond the region: which split is its own depends on all of it."""
    wide = box(-500, 700, 150, 900)
    rows = ("1", "q", box(300, 700, 350, 900)), ("2", "d", wide), ("3", "d", box(300, 100, 350, 200))
    mask = burn(several(*rows), 'questionable = ["q"]')
    outlines = gpd.read_parquet(mask.file("outlines.parquet")).set_index("number").geometry
    _, numbers = cells_of(mask)
    assert set(np.unique(numbers[numbers > 0])) == set(outlines.index) == {2, 3}
    assert outlines[2].equals(wide)
    assert (numbers[38:58, :15] == 2).all()


def test_around_an_uncertain_outline_the_ground_is_unknown_and_inside_it_counts(several, burn):
    mask = burn(several(("1", "p", SCARP)), 'uncertain = ["p"]\nuncertain_buffer_m = 10')
    cells, _ = cells_of(mask)
    assert (cells[38:58, 10:15] == 1).all()
    ring = cells[37:59, 9:16] == 255
    assert ring.sum() == 7 * 22 - 5 * 20
    assert mask.properties["unknown_because"]["buffer"] == ring.sum()
    assert mask.properties["unknown"] == 4 * 128 + 1 + ring.sum()


def test_the_doubt_about_one_landslide_takes_no_cell_from_its_neighbour(several, burn):
    rows = ("1", "p", SCARP), ("2", "d", box(150, 700, 200, 900)), ("3", "q", box(120, 700, 180, 750))
    settings = 'uncertain = ["p"]\nuncertain_buffer_m = 20\nquestionable = ["q"]'
    _, numbers = cells_of(burn(several(*rows), settings))
    assert (numbers[38:58, 10:15] == 1).all()
    assert (numbers[38:58, 15:20] == 2).all()


def test_a_confidence_that_no_polygon_has_is_said_with_those_there_are(several, burn, capsys):
    rows = ("1", "d", SCARP), ("2", "Q", box(300, 700, 350, 900))
    mask = burn(several(*rows), 'questionable = ["q", "Q"]')
    assert mask.properties["confidences_absent"] == ["q"]
    assert "has the confidence q of [rasterize]; there are Q, d" in capsys.readouterr().out


def test_confidences_of_an_inventory_without_any_are_refused(inputs, several, burn):
    for refs in (inputs(), several(("1", None, SCARP))):
        with pytest.raises(BadData, match=r"the inventory of here has none; .* confidence_field under"):
            burn(refs, 'questionable = ["q"]')


def test_a_target_without_confidences_in_an_inventory_with_some_is_taken_as_sure(several, burn):
    rows = ("1", None, SCARP), ("2", "q", box(300, 700, 350, 900))
    mask = burn(several(*rows, target=["scarps", "deposits"]), 'questionable = ["q"]')
    assert (mask.properties["positives"], mask.properties["confidences"]) == (100, {})


def test_thin_scarps_vanish_unless_they_are_widened(several, burn):
    rows = ("1", "d", box(106, 700, 109, 900)), ("2", "d", box(300, 700, 350, 900))
    assert burn(several(*rows)).properties["landslides"] == 1
    mask = burn(several(*rows), "min_width_m = 15")
    assert (mask.properties["landslides"], mask.properties["widened"]) == (2, 1)
    assert mask.properties["positives"] > 100 + 20


def test_excluded_land_is_unknown_also_under_a_landslide(several, land, burn):
    refs = several(("1", "d", box(100, 800, 150, 1000))) | land()
    mask = burn(refs, 'exclude = ["landcover=water"]')
    cells, numbers = cells_of(mask)
    assert (cells[:40] == 255).all()
    assert (cells[120:, :60] == 0).all(), "what the layer does not know is not excluded"
    assert mask.properties["positives"] == np.count_nonzero(numbers) == 5 * 8
    assert mask.properties["unknown_because"] == {
        "unmapped": 4 * 128, "nodata": 1, "excluded": 60 * 40 - 1,
        "questionable": 0, "younger": 0, "buffer": 0,
    }  # fmt: skip
    assert mask.properties["unknown"] == np.count_nonzero(cells == 255)


def test_layers_that_nothing_is_excluded_by_change_no_byte(inputs, land, burn):
    refs = inputs()
    without, beside = burn(refs), burn(refs | land(synthetic=True))
    assert without.key != beside.key
    assert without.digest == beside.digest


def test_a_mask_is_synthetic_with_the_layers_that_shaped_it(several, land, burn):
    refs = several(("1", "d", SCARP)) | land(synthetic=True)
    assert not burn(refs).properties["synthetic"]
    assert burn(refs, 'exclude = ["landcover=water"]').properties["synthetic"]


def test_a_class_that_is_not_there_is_refused_with_those_that_are(inputs, land, burn):
    with pytest.raises(
        InvalidParams, match=r"class landcover=road in .* here; .*landcover=water, landcover=forest$"
    ):
        burn(inputs() | land(), 'exclude = ["landcover=water", "landcover=road"]')
    with pytest.raises(InvalidParams, match="class rain=wet in"):
        burn(inputs() | land(), 'exclude = ["rain=wet"]')
    with pytest.raises(InvalidParams, match="no accepted layer of classes"):
        burn(inputs(), 'exclude = ["landcover=water"]')


def test_layers_on_another_grid_and_layers_that_failed_are_refused(inputs, land, burn):
    moved = replace(GRID.padded(MARGIN), left=5.0)
    with pytest.raises(GridMismatch, match="run ingest_layers for the region again"):
        burn(inputs() | land(grid=moved), 'exclude = ["landcover=water"]')
    with pytest.raises(Refused, match="no class is known"):
        burn(inputs() | land(passed=False), 'exclude = ["landcover=water"]')


def test_stack_and_inventory_of_two_regions_are_refused(inputs, make_artifact, several, burn, tmp_path):
    bands = np.zeros(GRID.shape, np.float32)
    raster = write_cog(tmp_path / "other.tif", GRID, [Part(0, 0, bands)], bands=["slope"])
    stack = make_artifact("stack", {"stack.tif": tmp_path / "other.tif"}, {**raster, "region": "there"})
    with pytest.raises(BadData, match="stack is of region there, the inventory of here"):
        burn(inputs() | {"stack": stack})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("min_width_m = -1", "min_width_m must be a number of metres"),
        ("min_width_m = true", "min_width_m must be a number of metres"),
        ('uncertain = ["p"]\nuncertain_buffer_m = nan', "uncertain_buffer_m must be a number of metres"),
        ('uncertain = ["p"]', "go together"),
        ("uncertain_buffer_m = 5", "go together"),
        ('questionable = "q"', r'questionable must be a list of texts such as \["q"\], found \'q\''),
        ('questionable = ["q", " "]', "must be a list of texts"),
        ("questionable = [1]", "must be a list of texts"),
        ('questionable = ["q", "q"]', "must be a list of texts"),
        (
            'questionable = ["q", "p"]\nuncertain = ["p"]\nuncertain_buffer_m = 5',
            "p is both questionable and",
        ),
        ('exclude = ["water"]', "as \"landcover=water\", found 'water'"),
        ('exclude = ["landcover="]', 'as "landcover=water"'),
        ('all_touched = "yes"', "all_touched must be true or false"),
        ('younger = "drop"', "younger must be"),
        ("buffer_m = 3", "buffer_m"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(inputs, burn, settings, message):
    with pytest.raises(InvalidParams, match=message):
        burn(inputs(), settings)


def test_the_shipped_regions_have_valid_settings():
    config = Config()
    for model in config.models():
        for region in config.model(model)["regions"]:
            assert Params.of(config, region=region, model=model).target == config.model(model)["target"]


def test_windows_equal_the_whole_with_all_that_decides(land, inputs, tmp_path):
    land(), inputs()
    shapes = [box(x, y, x + 90, y + 130).buffer(7) for x in range(0, 600, 70) for y in range(0, 1200, 110)]
    outlines = {
        "landslide": Outlines.on(GRID, shapes[::2], np.arange(1, len(shapes[::2]) + 1), all_touched=True),
        "questionable": Outlines.on(GRID, shapes[1::5]),
        "buffer": Outlines.on(GRID, [shape.buffer(20) for shape in shapes[::7]]),
    }
    excluded = ExcludedLand({tmp_path / "landcover.tif": [1]}, MARGIN)
    mapped = Outlines.on(GRID, [box(0, 3, 600, 1277).buffer(2)])
    ground = Ground(outlines, mapped, tmp_path / "stack.tif", excluded)
    made = []
    for size in (4096, 50):
        whole = {"numbers": np.empty(GRID.shape, np.uint32), "mask": np.empty(GRID.shape, np.uint8)}
        with (tmp_path / f"kept-{size}").open("w+b") as kept:
            cells = Cells(ground, GRID, kept, size)
            for name, parts in (("numbers", cells.numbers()), ("mask", cells.mask())):
                for part in parts:
                    rows, cols = part.data.shape
                    whole[name][part.row : part.row + rows, part.col : part.col + cols] = part.data
        made.append(
            (whole["numbers"].tobytes(), whole["mask"].tobytes(), cells.counts.tolist(), cells.landslides)
        )
        assert set(np.unique(whole["mask"])) == {0, 1, 255}
        assert (cells.counts > 0).tolist() == [True, True, False, True, True, True, True, True]
    assert made[0] == made[1]

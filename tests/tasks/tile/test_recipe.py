"""tile run as a task, on a stack and on a mask."""

import csv

import numpy as np
import pytest

from tasks.contract.errors import BadData, InvalidParams
from tasks.contract.grid import Grid
from tasks.science.tiles import mosaic
from tasks.store.raster import Part, write_cog

GRID = Grid("EPSG:32610", 0.0, 5120.0, 10.0, 512, 512)
TILES = """[tiles]
tile_px = 64
block_tiles = 2
split = {{train = 0.4, validation = 0.3, test = 0.3}}
split_seed = {seed}
buffer_px = {buffer}
"""


def config(seed: int = 2, buffer: int = 21) -> dict[str, str]:
    return {"recipes/small": TILES.format(seed=seed, buffer=buffer), "regions/here": 'title = "Here"'}


GIVEN = {"region": "here", "recipe": "small"}


@pytest.fixture
def stack(make_artifact, tmp_path) -> str:
    bands = np.random.default_rng(1).random((3, *GRID.shape), np.float32)
    bands[:, 70:80, 10:20] = np.nan
    raster = write_cog(
        tmp_path / "stack.tif", GRID, [Part(0, 0, bands)], bands=["slope", "curvature", "roughness"]
    )
    return make_artifact("stack", {"stack.tif": tmp_path / "stack.tif"}, {**raster, "region": "here"})


@pytest.fixture
def mask(make_artifact, tmp_path):
    """Puts a mask of landslides of 20 x 20 cells every 40 cells into the store."""

    def put(clear: slice = slice(0)) -> str:
        numbers = np.zeros(GRID.shape, np.uint32)
        for number, (row, col) in enumerate(np.ndindex(12, 12), 1):
            numbers[40 * row + 5 : 40 * row + 25, 40 * col + 5 : 40 * col + 25] = number
        numbers[clear] = 0
        labels = (numbers > 0).astype(np.uint8)
        labels[:, 500:] = 255
        files = {name: tmp_path / name for name in ("mask.tif", "landslides.tif")}
        raster = write_cog(
            files["mask.tif"], GRID, [Part(0, 0, labels)], bands=["scarps"], dtype="uint8", nodata=255
        )
        write_cog(
            files["landslides.tif"], GRID, [Part(0, 0, numbers)], bands=["id"], dtype="uint32", nodata=None
        )
        return make_artifact("mask", files, {**raster, "region": "here", "target": "scarps"})

    return put


def index_of(tiles) -> list[dict[str, str]]:
    with tiles.file("index.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def load(tiles) -> np.ndarray:
    return np.load(tiles.file("tiles.npy"), allow_pickle=False)


def test_the_stack_can_be_put_together_again(stack, run_task, config_folder, tmp_path):
    tiles = run_task("tile", {"raster": stack}, GIVEN, config_folder(**config()))
    assert tiles.kind == "stack-tiles"
    bands = np.random.default_rng(1).random((3, *GRID.shape), np.float32)
    bands[:, 70:80, 10:20] = np.nan
    np.testing.assert_array_equal(mosaic(load(tiles), 8, 8), np.moveaxis(bands, 0, -1))
    assert float(index_of(tiles)[8]["valid_share"]) == pytest.approx(1 - 100 / 64**2, abs=1e-6)


def test_tiles_of_stack_and_mask_lie_in_the_same_places_and_splits(stack, mask, run_task, config_folder):
    made = [run_task("tile", {"raster": ref}, GIVEN, config_folder(**config())) for ref in (stack, mask())]
    places = [
        [[line[n] for n in ("tile", "row", "col", "block_row", "split")] for line in index_of(t)]
        for t in made
    ]
    assert places[0] == places[1]
    assert made[0].properties["splits"] == made[1].properties["splits"]
    assert sum(made[0].properties["splits"].values()) == 64


@pytest.mark.parametrize("buffer_px", [0, 21])
def test_known_cells_of_two_splits_lie_the_buffer_apart_and_each_landslide_in_one(
    mask, run_task, config_folder, buffer_px
):
    tiles = run_task("tile", {"raster": mask()}, GIVEN, config_folder(**config(buffer=buffer_px)))
    cells = mosaic(load(tiles), 8, 8)
    splits = np.array([line["split"] for line in index_of(tiles)]).reshape(8, 8).repeat(64, 0).repeat(64, 1)
    for row, col in np.ndindex(12, 12):
        here = (slice(40 * row + 5, 40 * row + 25), slice(40 * col + 5, 40 * col + 25))
        assert len(np.unique(splits[here][cells[here] == 1])) <= 1
    assert (cells[:, 500:] == 255).all()
    row_gaps = [c for c in range(1, 500) if (splits[:, c] != splits[:, c - 1]).any()]
    assert row_gaps, "the splits have a border to look at"
    half = (buffer_px + 2) // 2
    for col in row_gaps:
        border = splits[:, col] != splits[:, col - 1]
        beside = (
            cells[border, col - half + 1 : col + half - 1] if half > 1 else cells[border, col - 1 : col + 1]
        )
        assert (beside == 255).all() == (buffer_px > 0)


def test_the_manifest_states_base_rates_of_what_is_known(mask, run_task, config_folder):
    tiles = run_task("tile", {"raster": mask()}, GIVEN, config_folder(**config()))
    cells, splits = load(tiles), np.array([line["split"] for line in index_of(tiles)])
    for name, rate in tiles.properties["base_rate"].items():
        known = cells[splits == name][cells[splits == name] != 255]
        assert rate == pytest.approx(known.mean(), abs=1e-6)
    assert tiles.properties["target"] == "scarps"


def test_a_split_without_positives_is_refused_with_the_setting_to_change(mask, run_task, config_folder):
    with pytest.raises(BadData, match=r"has no positive cell.*split_seed \(now 2\)"):
        run_task("tile", {"raster": mask(slice(0, 500))}, GIVEN, config_folder(**config()))


def test_a_region_may_override_the_recipe_and_a_wrong_setting_is_named(stack, run_task, config_folder):
    texts = {
        **config(),
        "recipes/wide": TILES.format(seed=1, buffer=107).replace("= 2", "= 1"),
        "regions/here": "[tiles]\nblock_tiles = 1",
        "regions/odd": "[tiles]\nbloc_tiles = 1",
    }
    settings = config_folder(**texts)
    assert run_task("tile", {"raster": stack}, GIVEN, settings).properties["block_tiles"] == 1
    with pytest.raises(InvalidParams, match="bloc_tiles"):
        run_task("tile", {"raster": stack}, {**GIVEN, "region": "odd"}, settings)
    with pytest.raises(InvalidParams, match="raise block_tiles"):
        run_task("tile", {"raster": stack}, {**GIVEN, "recipe": "wide"}, settings)

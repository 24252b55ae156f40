"""tile run as a task, on a stack and on a mask."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tasks.contract.errors import BadData, InvalidParams
from tasks.contract.grid import Grid
from tasks.science.tile_index import read_index
from tasks.science.tiles import mosaic
from tasks.science.windows import Window
from tasks.store.raster import Part, write_cog
from tasks.tile import recipe, shard
from tasks.tile.layout import layout
from tasks.tile.spec import Params

GRID = Grid("EPSG:32610", 0.0, 5120.0, 10.0, 512, 512)
TILES = """[tiles]
tile_px = 64
block_tiles = 2
split = {{train = 0.4, validation = 0.3, test = 0.3}}
split_seed = {seed}
buffer_px = {buffer}
{more}
[train]
levels = 2
"""


def config(seed: int = 2, buffer: int = 23, more: str = "", region: str = "") -> dict[str, str]:
    tiles = TILES.format(seed=seed, buffer=buffer, more=more)
    return {"recipes/small": tiles, "regions/here": f'title = "Here"\n[tiles]\n{region}'}


GIVEN = {"region": "here", "recipe": "small"}
WHY = 'buffer_reason = "to see what happens"'


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
        outlines(np.unique(numbers[numbers > 0])).to_parquet(tmp_path / "outlines.parquet")
        files["outlines.parquet"] = tmp_path / "outlines.parquet"
        return make_artifact("mask", files, {**raster, "region": "here", "target": "scarps"})

    return put


def outlines(numbers: np.ndarray) -> gpd.GeoDataFrame:
    """The landslides of `mask`, by their numbers."""
    places = [divmod(int(number) - 1, 12) for number in numbers]
    left, top = (np.array([place[n] for place in places]) * 400.0 + 50 for n in (1, 0))
    shapes = shapely.box(left, 5120 - top - 200, left + 200, 5120 - top)
    return gpd.GeoDataFrame({"number": numbers}, geometry=shapes, crs=GRID.crs)


def index_of(tiles) -> dict[str, np.ndarray]:
    return read_index(tiles.file("index.parquet"))


def load(tiles) -> np.ndarray:
    return np.load(tiles.file("tiles.npy"), allow_pickle=False)


def test_the_stack_can_be_put_together_again(stack, run_task, config_folder, tmp_path):
    tiles = run_task("tile", {"raster": stack}, GIVEN, config_folder(**config()))
    assert tiles.kind == "stack-tiles"
    bands = np.random.default_rng(1).random((3, *GRID.shape), np.float32)
    bands[:, 70:80, 10:20] = np.nan
    np.testing.assert_array_equal(mosaic(load(tiles), 8, 8), np.moveaxis(bands, 0, -1))
    assert index_of(tiles)["valid_share"][8] == 1 - 100 / 64**2


def test_tiles_of_stack_and_mask_lie_in_the_same_places_and_splits(stack, mask, run_task, config_folder):
    made = [run_task("tile", {"raster": ref}, GIVEN, config_folder(**config())) for ref in (stack, mask())]
    bands, masks = (index_of(tiles) for tiles in made)
    for name in ("tile", "row_px", "col_px", "block_row", "block_col", "split", "extra"):
        np.testing.assert_array_equal(bands[name], masks[name])
    assert made[0].properties["splits"] == made[1].properties["splits"]
    assert sum(made[0].properties["splits"].values()) == 64


@pytest.mark.parametrize("buffer_px", [0, 23])
def test_known_cells_of_two_splits_lie_the_buffer_apart_and_each_landslide_in_one(
    mask, run_task, config_folder, buffer_px
):
    tiles = run_task("tile", {"raster": mask()}, GIVEN, config_folder(**config(buffer=buffer_px, more=WHY)))
    cells = mosaic(load(tiles), 8, 8)
    splits = index_of(tiles)["split"].reshape(8, 8).repeat(64, 0).repeat(64, 1)
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
    cells, splits = load(tiles), index_of(tiles)["split"]
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
        "recipes/wide": TILES.format(seed=1, buffer=107, more="").replace("= 2", "= 1"),
        "regions/here": "[tiles]\nblock_tiles = 1",
        "regions/odd": "[tiles]\nbloc_tiles = 1",
    }
    settings = config_folder(**texts)
    assert run_task("tile", {"raster": stack}, GIVEN, settings).properties["block_tiles"] == 1
    with pytest.raises(InvalidParams, match="bloc_tiles"):
        run_task("tile", {"raster": stack}, {**GIVEN, "region": "odd"}, settings)
    with pytest.raises(InvalidParams, match="raise block_tiles"):
        run_task("tile", {"raster": stack}, {**GIVEN, "recipe": "wide"}, settings)


def test_the_index_opens_as_footprints_on_the_map(stack, run_task, config_folder):
    tiles = run_task("tile", {"raster": stack}, GIVEN, config_folder(**config(more="overlap_px = 32")))
    table = gpd.read_parquet(tiles.file("index.parquet"))
    assert table.crs == GRID.crs
    assert (table.area == 640.0**2).all()
    np.testing.assert_array_equal(
        table.bounds[["minx", "maxy"]], table[["col_px", "row_px"]] * np.array([10, -10])
    )
    assert table.geometry[:64].union_all().bounds == GRID.bounds
    assert table["extra"].tolist() == [False] * 64 + [True] * tiles.properties["extra"]


def test_tiles_of_another_size_are_cut_where_they_lie_in_the_raster(
    run_task, config_folder, make_artifact, tmp_path
):
    """A raster whose corner is no corner of a tile of 48 cells: what lies beside whole tiles is left out."""
    grid = Grid("EPSG:32610", 640.0, 5120.0, 10.0, 256, 192)
    bands = np.random.default_rng(2).random((2, *grid.shape), np.float32)
    raster = write_cog(tmp_path / "stack.tif", grid, [Part(0, 0, bands)], bands=["slope", "curvature"])
    ref = make_artifact("stack", {"stack.tif": tmp_path / "stack.tif"}, {**raster, "region": "here"})
    texts = {**config(region='hold_out = "test"')}
    texts["recipes/small"] = texts["recipes/small"].replace("tile_px = 64", "tile_px = 48")
    tiles = run_task("tile", {"raster": ref}, GIVEN, config_folder(**texts))
    found = Grid.of(tiles.properties)
    assert (found.left, found.top, found.width, found.height) == (960.0, 4800.0, 192, 144)
    whole = np.moveaxis(bands[:, 32 : 32 + 144, 32 : 32 + 192], 0, -1)
    np.testing.assert_array_equal(mosaic(load(tiles), 3, 4), whole)
    footprints = gpd.read_parquet(tiles.file("index.parquet"))
    assert tuple(footprints.total_bounds) == found.bounds


def test_overlapping_tiles_show_the_same_cells_as_the_partition(stack, mask, run_task, config_folder):
    settings = config_folder(**config(more="overlap_px = 48"))
    for ref in (stack, mask()):
        tiles = run_task("tile", {"raster": ref}, GIVEN, settings)
        found, index = load(tiles), index_of(tiles)
        whole = mosaic(found[:64], 8, 8)
        assert len(found) == len(index["tile"]) == 64 + tiles.properties["extra"] > 64
        for tile, row, col in zip(found, index["row_px"] + 512, index["col_px"], strict=True):
            np.testing.assert_array_equal(tile, whole[row : row + 64, col : col + 64])
        if tiles.kind == "mask-tiles":
            rates = [(tile == 1).mean() for tile in found]
            np.testing.assert_array_equal(index["positive_share"], rates)
            np.testing.assert_array_equal(index["valid_share"], [(tile != 255).mean() for tile in found])


def test_no_landslide_shows_in_two_splits_in_overlapping_tiles_either(mask, run_task, config_folder):
    settings = config(buffer=0, more=f"overlap_px = 48\n{WHY}")
    tiles = run_task("tile", {"raster": mask()}, GIVEN, config_folder(**settings))
    found, index = load(tiles), index_of(tiles)
    seen: dict[tuple[int, int], set[str]] = {}
    for tile, row, col, split in zip(
        found, index["row_px"] + 512, index["col_px"], index["split"], strict=True
    ):
        for landslide in {((row + r) // 40, (col + c) // 40) for r, c in np.argwhere(tile == 1)}:
            seen.setdefault(landslide, set()).add(split)
    assert len(seen) > 100
    assert all(len(splits) == 1 for splits in seen.values())


def test_extra_tiles_count_in_no_split(mask, run_task, config_folder):
    plain, overlapping = (
        run_task("tile", {"raster": mask()}, GIVEN, config_folder(**config(more=more))).properties
        for more in ("", "overlap_px = 32")
    )
    same = ("splits", "positives", "base_rate")
    assert {name: plain[name] for name in same} == {name: overlapping[name] for name in same}
    assert overlapping["sampling"]["sampled"] > plain["sampling"]["sampled"]


def test_masks_made_in_windows_equal_the_mask_made_whole(
    mask, run_task, config_folder, monkeypatch, taken, masked_whole
):
    ref = mask()
    monkeypatch.setattr(shard, "WINDOW_PX", 128)
    tiles = run_task("tile", {"raster": ref}, GIVEN, config_folder(**config(more="overlap_px = 32")))
    params = Params(64, 2, (0.4, 0.3, 0.3), 2, 23, overlap_px=32, levels=2)
    plan, whole = layout(GRID, params), Window(0, 0, *GRID.shape)
    labels, numbers = (
        recipe.read_cells(taken(ref).file(name), whole) for name in ("mask.tif", "landslides.tif")
    )
    expected = masked_whole(plan, labels, numbers)
    assert set(np.unique(expected)) == {0, 1, 255}
    np.testing.assert_array_equal(mosaic(load(tiles)[:64], 8, 8), expected)


def test_two_runs_make_the_same_bytes(mask, run_task, config_folder, file_store):
    settings, ref = config_folder(**config(more="overlap_px = 32\nempty_share = 0.5")), mask()
    first = run_task("tile", {"raster": ref}, GIVEN, settings).manifest
    file_store.delete(f"{first.item.folder}/manifest.json")
    second = run_task("tile", {"raster": ref}, GIVEN, settings).manifest
    assert first.digest == second.digest


def test_a_buffer_below_what_the_network_sees_needs_a_reason(stack, run_task, config_folder):
    for buffer in (0, 22):
        with pytest.raises(InvalidParams, match=rf"buffer_px is {buffer}, a U-Net of 2 levels sees 23 cells"):
            run_task("tile", {"raster": stack}, GIVEN, config_folder(**config(buffer=buffer)))
    made = run_task("tile", {"raster": stack}, GIVEN, config_folder(**config(buffer=0, more=WHY)))
    assert made.properties["buffer_reason"] == "to see what happens"
    deep = config()["recipes/small"].replace("[train]\nlevels = 2", "")
    with pytest.raises(InvalidParams, match="a U-Net of 4 levels sees 107 cells"):
        run_task("tile", {"raster": stack}, GIVEN, config_folder(**{**config(), "recipes/small": deep}))


def test_a_region_held_out_is_one_split_whatever_its_blocks(stack, mask, run_task, config_folder):
    settings = config_folder(**config(region='hold_out = "test"', more="overlap_px = 32"))
    for ref in (stack, mask()):
        made = run_task("tile", {"raster": ref}, GIVEN, settings)
        assert made.properties["splits"] == {"train": 0, "validation": 0, "test": 64}
        assert (made.properties["hold_out"], made.properties["extra"]) == ("test", 0)
    positives = made.properties["positives"]
    assert positives["test"] > 0 == positives["train"] == positives["validation"]
    texts = config(more='hold_out = "test"')
    with pytest.raises(InvalidParams, match="put it into the file of the region"):
        run_task("tile", {"raster": stack}, GIVEN, config_folder(**texts))


def test_of_tiles_without_a_landslide_the_recipe_s_share_is_sampled(mask, run_task, config_folder):
    ref = mask(slice(0, 300))
    more = "empty_share = 0.4\noverlap_px = 32"
    settings = config_folder(**config(more=more, region='hold_out = "train"'))
    made = run_task("tile", {"raster": ref}, GIVEN, settings)
    tiles, index, told = load(made), index_of(made), made.properties["sampling"]
    train, positive = index["split"] == "train", index["positive_share"] > 0
    drawn = train & index["sampled"]
    assert index["sampled"][~train | positive].all()
    assert told["positive_tiles"] == (train & positive).sum() > 0
    assert told["empty_tiles"] == (train & ~positive).sum()
    assert told["sampled"] == drawn.sum() < train.sum()
    assert drawn[~positive].sum() == pytest.approx(0.4 * told["empty_tiles"], rel=0.3)
    known = tiles[drawn][tiles[drawn] != 255]
    assert told["positive_rate"] == pytest.approx(known.mean(), abs=1e-6)
    assert told["positive_rate"] > made.properties["base_rate"]["train"]


def test_tiles_are_a_plain_array_that_is_read_in_place(stack, run_task, config_folder):
    made = run_task("tile", {"raster": stack}, GIVEN, config_folder(**config()))
    mapped = np.load(made.file("tiles.npy"), mmap_mode="r", allow_pickle=False)
    assert isinstance(mapped, np.memmap)
    assert (mapped.shape, mapped.dtype, mapped.flags.c_contiguous) == ((64, 64, 64, 3), np.float32, True)
    assert made.file("tiles.npy").stat().st_size == mapped.offset + mapped.nbytes

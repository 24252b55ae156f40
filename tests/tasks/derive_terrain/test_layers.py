"""derive_terrain with layers as bands: continuous ones by name, categorical ones a class each."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from tasks.contract.errors import BadData, GridMismatch, InvalidParams, Refused
from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.derive_terrain.bands import Band
from tasks.derive_terrain.layers import band_named, layer_bands
from tasks.derive_terrain.recipe import derived
from tasks.store.raster import Part, write_cog

GRID, MARGIN = Grid("EPSG:32610", 563200.0, 4208000.0, 10.0, 128, 192), 32
WIDE = GRID.padded(MARGIN)
ABOUT = {
    "rain": {"type": "continuous", "units": "mm/a", "classes": [], "title": "Rain", "license": "CC0"},
    "lithology": {"type": "categorical", "units": "", "classes": ["shale", "hard rock"], "title": ""},
}
SETS = {
    "terrain": ["slope", "elevation"],
    "mixed": ["lithology=hard rock", "slope", "rain", "lithology=shale"],
}


def rolling() -> np.ndarray:
    y, x = np.mgrid[0 : WIDE.height, 0 : WIDE.width] * 10.0
    return (500 + 0.3 * x + 40 * np.sin(y / 150)).astype(np.float32)


def rain() -> np.ndarray:
    y, x = np.mgrid[0 : WIDE.height, 0 : WIDE.width]
    return (400 + y + 2 * x).astype(np.float32)


def rock() -> np.ndarray:
    codes = np.ones(WIDE.shape, np.uint16)
    codes[:, WIDE.width // 2 :] = 2
    codes[:60] = 0
    return codes


@pytest.fixture
def judged(make_artifact, file_store, tmp_path):
    """Puts an artifact and the report on it into the store: their refs."""

    def put(kind: str, files: dict, properties: dict, passed: bool = True) -> tuple[str, str]:
        ref = make_artifact(kind, files, properties)
        verdict = {"passed": passed, "reasons": [] if passed else ["no class is known"]}
        subject = Refs(file_store).need(ref).items[kind].digest
        return ref, make_artifact(
            f"{kind}-report", {"index.html": b""}, {"verdict": verdict, "subject": subject}
        )

    return put


@pytest.fixture
def taken(judged, tmp_path):
    """Refs of a DEM and, unless left out, of layers, with their reports."""

    def put(
        heights=None, grid: Grid = WIDE, about=ABOUT, layers: bool = True, passed: bool = True
    ) -> dict[str, str]:
        heights = rolling() if heights is None else heights
        made = write_cog(tmp_path / "dem.tif", WIDE, [Part(0, 0, heights)], bands=["elevation"])
        dem = {**made, "region": "here", "margin_px": MARGIN, "synthetic": False, "license": "public domain"}
        refs = dict(
            zip(("dem", "report"), judged("dem", {"dem.tif": tmp_path / "dem.tif"}, dem), strict=True)
        )
        if not layers:
            return refs
        write_cog(tmp_path / "rain.tif", WIDE, [Part(0, 0, rain())], bands=["rain"])
        write_cog(
            tmp_path / "rock.tif", WIDE, [Part(0, 0, rock())], bands=["rock"], dtype="uint16", nodata=0,
            overviews="mode",
        )  # fmt: skip
        properties = {
            **grid.properties(),
            "region": "here",
            "margin_px": MARGIN,
            "synthetic": True,
            "layers": about,
        }
        files = {"rain.tif": tmp_path / "rain.tif", "lithology.tif": tmp_path / "rock.tif"}
        pair = judged("layers", files, properties, passed)
        return refs | dict(zip(("layers", "layers_report"), pair, strict=True))

    return put


@pytest.fixture
def derive(run_task, config_folder):
    sets = "\n".join(f"[{name}]\nbands = {bands}" for name, bands in SETS.items())
    config = config_folder(bands=sets, **{f"recipes/{name}": f'bands = "{name}"' for name in SETS})
    return lambda refs, recipe: run_task("derive_terrain", refs, {"recipe": recipe}, config)


def test_a_continuous_layer_is_itself_and_a_class_is_one_or_nothing(taken, derive):
    stack = derive(taken(), "mixed")
    assert stack.properties["units"] == {
        "lithology=hard rock": "1", "slope": "degree", "rain": "mm/a", "lithology=shale": "1",
    }  # fmt: skip
    with rasterio.open(stack.file("stack.tif")) as raster:
        assert list(raster.descriptions) == SETS["mixed"]
        assert raster.units == ("1", "degree", "mm/a", "1")
        assert raster.tags(4)["long_name"] == "lithology: 1 where shale, else 0"
        hard, _, wet, shale = raster.read(masked=True)
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    np.testing.assert_array_equal(wet, rain()[inner])
    codes = rock()[inner]
    np.testing.assert_array_equal(np.ma.getmaskarray(shale), codes == 0)
    np.testing.assert_array_equal(np.ma.getmaskarray(hard), codes == 0)
    np.testing.assert_array_equal(shale[codes > 0], codes[codes > 0] == 1)
    np.testing.assert_array_equal((hard + shale)[codes > 0], 1)


def test_the_stack_names_whose_layers_it_holds_and_is_synthetic_with_them(taken, derive):
    stack = derive(taken(), "mixed")
    assert stack.properties["layers"]["rain"] == {"title": "Rain", "license": "CC0"}
    assert stack.properties["synthetic"] is True
    assert stack.properties["license"] == "public domain"


def test_a_band_set_of_terrain_alone_reads_no_layers_and_gives_the_same_content(taken, derive):
    without = derive(taken(layers=False), "terrain")
    beside = derive(taken(about={"rain": {"type": "continuous"}}), "terrain")
    assert beside.digest == without.digest
    assert "layers" not in beside.properties


def test_where_the_dem_has_a_hole_every_band_has_one(taken, derive):
    heights = rolling()
    heights[100, 80] = np.nan
    with rasterio.open(derive(taken(heights), "mixed").file("stack.tif")) as raster:
        empty = raster.read() == raster.nodata
    assert empty[:, 67:70, 47:50].all()
    assert empty[2].sum() == 9


def test_windows_equal_the_whole_with_layers(taken, tmp_path, monkeypatch):
    taken()
    paths = {"rain": tmp_path / "rain.tif", "lithology": tmp_path / "rock.tif"}
    bands = [band_named(name, layer_bands(ABOUT)) for name in SETS["mixed"]]
    stacks = []
    for size, number in ((4096, "1"), (50, "1"), (50, "4")):
        monkeypatch.setenv("PIPELINE_THREADS", number)
        stack = np.empty((len(bands), *GRID.shape), np.float32)
        for part in derived(
            tmp_path / "dem.tif", GRID, MARGIN, bands, size, layers=paths, layers_margin=MARGIN
        ):
            rows, cols = part.data.shape[1:]
            stack[:, part.row : part.row + rows, part.col : part.col + cols] = part.data
        stacks.append(stack.tobytes())
    assert len(set(stacks)) == 1


def test_a_band_set_may_be_of_layers_alone(taken, run_task, config_folder):
    config = config_folder(bands='[x]\nbands = ["rain"]', **{"recipes/x": 'bands = "x"'})
    stack = run_task("derive_terrain", taken(), {"recipe": "x"}, config)
    with rasterio.open(stack.file("stack.tif")) as raster:
        np.testing.assert_array_equal(raster.read(1), rain()[MARGIN:-MARGIN, MARGIN:-MARGIN])


def test_a_band_that_is_nowhere_is_refused_with_all_there_are(taken, run_task, config_folder):
    config = config_folder(bands='[x]\nbands = ["lithology=marble"]', **{"recipes/x": 'bands = "x"'})
    everything = r"no band 'lithology=marble'.*slope.*relief_sdN.*lithology=shale, lithology=hard rock, rain$"
    with pytest.raises(InvalidParams, match=everything):
        run_task("derive_terrain", taken(), {"recipe": "x"}, config)
    with pytest.raises(InvalidParams, match="none: it has no accepted layers"):
        run_task("derive_terrain", taken(layers=False), {"recipe": "x"}, config)


def test_a_layer_with_the_name_of_a_terrain_band_is_refused():
    given = layer_bands({"slope": {"type": "continuous"}})
    with pytest.raises(BadData, match="'slope' has the name of a terrain band; rename it"):
        band_named("slope", given)
    assert band_named("curvature", given) == Band.named("curvature")


def test_layers_on_another_grid_are_refused(taken, derive):
    from dataclasses import replace

    with pytest.raises(GridMismatch, match="run ingest_layers for the region again"):
        derive(taken(grid=replace(WIDE, left=WIDE.left + 5)), "mixed")


def test_layers_that_failed_validation_are_refused(taken, derive):
    with pytest.raises(Refused, match="no class is known"):
        derive(taken(passed=False), "mixed")


def test_layers_without_a_report_are_refused(taken, derive):
    refs = taken()
    del refs["layers_report"]
    with pytest.raises(Refused, match="has no report of its own"):
        derive(refs, "mixed")

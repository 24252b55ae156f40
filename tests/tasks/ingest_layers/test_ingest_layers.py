"""ingest_layers run as a task on files: what reaches the grid, and what is refused with which sentence."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer

from tasks.contract.errors import BadData, InvalidName, InvalidParams, NothingToDo
from tasks.contract.grid import Grid

LEFT, BOTTOM, RIGHT, TOP = 563200.0, 4190080.0, 564480.0, 4191360.0
MARGIN_PX, SIDE = 16, 128 + 32
WIDE = Grid("EPSG:32610", LEFT - 160, TOP + 160, 10.0, SIDE, SIDE)
ALL = shapely.box(LEFT - 400, BOTTOM - 400, RIGHT + 400, TOP + 400)
WEST = shapely.box(LEFT - 400, BOTTOM - 400, (LEFT + RIGHT) / 2, TOP + 400)


@pytest.fixture
def ingest(run_task, region):
    """Runs the task on these layers of region `here`."""
    return lambda **layers: run_task("ingest_layers", {}, {"region": "here"}, region(**layers))


def cells_of(artifact, name: str) -> np.ndarray:
    with rasterio.open(artifact.file(f"{name}.tif")) as raster:
        return raster.read(1)


def raster_of(classes: dict | list, path: str = "cover.tif", **more) -> dict:
    return {"path": path, "type": "categorical", "classes": classes, **more}


UNITS = {
    "path": "units.gpkg",
    "type": "categorical",
    "field": "unit",
    "classes": {"clay": "Cl", "sand": "Sa"},
}
RAIN = {"path": "rain.tif", "type": "continuous", "units": "mm/a"}


def test_all_layers_of_a_region_are_one_artifact_on_the_dems_grid(ingest, write_raster, write_polygons):
    write_raster("rain.tif", np.full((60, 60), 700, np.float32), 40.0)
    write_polygons("units.gpkg", [ALL], unit=["Cl"])
    made = ingest(rain={**RAIN, "title": "Rain", "license": "CC0"}, soil=UNITS)
    assert sorted(made.names) == ["rain.tif", "soil.tif"]
    assert Grid.of(made.properties) == WIDE
    assert made.properties["margin_px"] == MARGIN_PX
    rain, soil = (made.properties["layers"][name] for name in ("rain", "soil"))
    assert (rain["type"], rain["units"], rain["title"], rain["license"]) == (
        "continuous",
        "mm/a",
        "Rain",
        "CC0",
    )
    assert (rain["source"], soil["classes"]) == ("rain.tif", ["clay", "sand"])
    for name, dtype, nodata in (("rain", "float32", -9999), ("soil", "uint16", 0)):
        with rasterio.open(made.file(f"{name}.tif")) as raster:
            assert (raster.dtypes[0], raster.nodata, raster.shape) == (dtype, nodata, WIDE.shape)
            assert tuple(raster.transform)[:6] == WIDE.transform


def test_a_plane_in_degrees_comes_out_as_the_plane_between_its_cells(ingest, write_raster):
    lon, lat = np.meshgrid(-122.30 + (np.arange(60) + 0.5) / 600, 37.90 - (np.arange(60) + 0.5) / 600)
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32610", always_xy=True).transform(lon, lat)
    plane = (800 + 0.02 * (x - LEFT) + 0.03 * (y - TOP)).astype(np.float32)
    write_raster(
        "rain.tif",
        plane,
        1,
        crs="EPSG:4326",
        transform=rasterio.transform.from_origin(-122.3, 37.9, 1 / 600, 1 / 600),
    )
    found = cells_of(ingest(rain=RAIN), "rain")
    col, row = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    expected = 800 + 0.02 * (col * 10 - 160) + 0.03 * (160 - row * 10)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_nearest_keeps_the_steps_that_bilinear_smooths(ingest, write_raster):
    write_raster("rain.tif", np.arange(3600, dtype=np.float32).reshape(60, 60), 40.0)
    steps = cells_of(ingest(rain={**RAIN, "resampling": "nearest"}), "rain")
    assert set(np.unique(steps)) <= set(range(3600))
    smooth = cells_of(ingest(rain=RAIN), "rain")
    assert np.mean(smooth == np.round(smooth)) < 0.5


@pytest.mark.parametrize("cell_m", [3.0, 35.0])
@pytest.mark.parametrize("resampling", ["mode", "nearest"])
def test_categories_never_blend(ingest, write_raster, cell_m, resampling):
    side = int(2200 / cell_m)
    cells = np.random.default_rng(1).choice(np.array([11, 41, 95], np.uint8), (side, side))
    write_raster("cover.tif", cells, cell_m)
    made = ingest(cover=raster_of({"water": 11, "forest": 41, "wetland": 95}, resampling=resampling))
    codes = cells_of(made, "cover")
    assert set(np.unique(codes)) == {1, 2, 3}
    assert made.properties["layers"]["cover"]["unknown_values"] == []


def test_mode_takes_the_class_that_prevails_in_a_cell(ingest, write_raster):
    cells = np.full((440, 440), 1, np.uint8)
    cells[1::2, 1::2] = 2  # a quarter of every 2 x 2
    write_raster("cover.tif", cells, 5.0)
    codes = cells_of(ingest(cover=raster_of({"most": 1, "few": 2})), "cover")
    assert (codes == 1).all()


def test_a_class_may_gather_several_values_and_others_are_counted(ingest, write_raster):
    cells = np.repeat(np.array([41, 42, 7, 9], np.int16), 55)[None].repeat(220, 0)
    write_raster("cover.tif", cells, 10.0)
    made = ingest(cover=raster_of({"forest": [41, 42], "water": 11}))
    codes = cells_of(made, "cover")
    assert set(np.unique(codes)) == {0, 1}
    counts = {one["value"]: one["count"] for one in made.properties["layers"]["cover"]["unknown_values"]}
    assert counts == {"7": 55 * SIDE, "9": 19 * SIDE}
    assert made.properties["layers"]["cover"]["known_share"] == pytest.approx((codes > 0).mean())


def test_nodata_of_the_source_is_unknown_and_not_counted(ingest, write_raster):
    cells = np.full((220, 220), 41, np.uint8)
    cells[:, 100:] = 255
    write_raster("cover.tif", cells, 10.0, nodata=255)
    made = ingest(cover=raster_of({"forest": 41}))
    assert (cells_of(made, "cover")[:, :76] == 1).all()
    assert (cells_of(made, "cover")[:, 76:] == 0).all()
    assert made.properties["layers"]["cover"]["unknown_values"] == []


def test_scale_turns_stored_numbers_into_units_and_infinity_is_unknown(ingest, write_raster):
    cells = np.full((60, 60), 5000, np.float32)
    cells[30:] = np.inf
    write_raster("ndvi.tif", cells, 40.0)
    found = cells_of(ingest(ndvi={"path": "ndvi.tif", "type": "continuous", "scale": 0.0001}), "ndvi")
    assert found[0, 0] == pytest.approx(0.5)
    assert found[-1, -1] == -9999


@pytest.mark.parametrize(("name", "crs"), [("units.gpkg", "EPSG:32610"), ("units.geojson", "EPSG:4326")])
def test_polygons_hold_the_cells_whose_centre_they_hold(ingest, write_polygons, name, crs):
    write_polygons(name, [ALL, WEST], crs=crs, unit=["Sa", "Cl"])
    codes = cells_of(ingest(soil={**UNITS, "path": name}), "soil")
    assert (codes[:, : SIDE // 2] == 1).all()  # where polygons overlap the later one counts
    assert (codes[:, SIDE // 2 :] == 2).all()


def test_polygons_may_carry_numbers(ingest, write_polygons):
    write_polygons("units.gpkg", [WEST], depth=[1.5])
    depth = cells_of(
        ingest(depth={"path": "units.gpkg", "type": "continuous", "field": "depth", "units": "m"}), "depth"
    )
    assert (depth[:, : SIDE // 2] == 1.5).all()
    assert (depth[:, SIDE // 2 :] == -9999).all()


def test_rings_that_cross_themselves_and_heights_do_no_harm(ingest, write_polygons):
    x, y = (LEFT + RIGHT) / 2, (BOTTOM + TOP) / 2
    bow_tie = shapely.Polygon([(LEFT, BOTTOM, 5), (RIGHT, TOP, 5), (RIGHT, BOTTOM, 5), (LEFT, TOP, 5)])
    write_polygons("units.gpkg", [bow_tie, None, shapely.Polygon()], unit=["Cl", "Cl", "Sa"])
    codes = cells_of(ingest(soil=UNITS), "soil")
    row, col = round((TOP + 160 - y) / 10), round((x - LEFT + 160) / 10)
    assert codes[row, 20] == codes[row, SIDE - 21] == 1
    assert codes[20, col] == codes[SIDE - 21, col] == 0
    assert (codes == 1).sum() == pytest.approx(128 * 128 / 2, rel=0.02)


def test_polygons_of_the_whole_world_are_cut_down_to_those_near(ingest, write_polygons):
    world = [
        shapely.box(lon, lat, lon + 10, lat + 10)
        for lon in range(-180, 180, 10)
        for lat in range(-90, 90, 10)
    ]
    write_polygons("units.geojson", world, crs=None, unit=["Cl"] * len(world))
    made = ingest(soil={**UNITS, "path": "units.geojson"})
    assert made.properties["layers"]["soil"]["known_share"] == 1


def test_layer_and_where_choose_among_polygons(ingest, write_polygons):
    write_polygons("units.gpkg", [ALL], layer="old", unit=["Sa"])
    write_polygons("units.gpkg", [ALL, ALL], unit=["Cl", "Sa"], status=["valid", "draft"])
    table = {**UNITS, "layer": "units", "where": "status = 'valid'"}
    assert (cells_of(ingest(soil=table), "soil") == 1).all()
    with pytest.raises(BadData, match=r"has the layers \['old', 'units'\]; name the one"):
        ingest(soil=UNITS)


def test_numbers_and_texts_of_a_field_are_told_alike(ingest, write_polygons):
    write_polygons("units.gpkg", [WEST, ALL.difference(WEST)], unit=[3.0, None])
    made = ingest(soil={**UNITS, "classes": {"loam": 3}})
    assert set(np.unique(cells_of(made, "soil"))) == {0, 1}
    assert made.properties["layers"]["soil"]["unknown_values"] == [{"value": None, "count": 1}]


def test_at_most_twenty_unknown_values_are_listed(ingest, write_polygons):
    write_polygons("units.gpkg", [ALL] * 31, unit=[*(f"u{n}" for n in range(30)), "Cl"])
    made = ingest(soil={**UNITS, "where": ""})
    assert len(made.properties["layers"]["soil"]["unknown_values"]) == 20


def test_windows_equal_the_whole(write_polygons):
    from tasks.ingest_layers.burn import burned

    rng = np.random.default_rng(3)
    shapes = np.array([shapely.Point(*xy).buffer(r) for xy, r in zip(
        rng.uniform((LEFT, BOTTOM), (RIGHT, TOP), (60, 2)), rng.uniform(20, 200, 60), strict=True)])  # fmt: skip
    rasters = []
    for size in (1024, 37):
        cells = np.zeros(WIDE.shape, np.uint16)
        for part in burned(shapes, np.arange(1, 61, dtype=np.uint16), WIDE, 0, size):
            rows, cols = part.data.shape
            cells[part.row : part.row + rows, part.col : part.col + cols] = part.data
        rasters.append(cells)
    np.testing.assert_array_equal(*rasters)
    assert len(np.unique(rasters[0])) > 40


def test_the_same_files_give_the_same_bytes(ingest, write_polygons, write_raster, file_store):
    write_raster("rain.tif", np.random.default_rng(0).random((60, 60), np.float32), 40.0)
    write_polygons("units.gpkg", [ALL, WEST], unit=["Sa", "Cl"])
    first = ingest(rain=RAIN, soil=UNITS)
    file_store.delete(f"{first.item.folder}/manifest.json")
    assert ingest(rain=RAIN, soil=UNITS).digest == first.digest


class TestBadInput:
    def refused(self, ingest, match: str, error: type = BadData, **layers: dict) -> None:
        with pytest.raises(error, match=match):
            ingest(**layers)

    def test_a_region_without_layers_has_nothing_to_do(self, ingest):
        self.refused(ingest, "region here names no layers", NothingToDo)

    @pytest.mark.parametrize(("table", "match"), [
        ({**RAIN, "resample": "x"}, r"\[layers.rain\] needs path and type and may hold.*unknown: \['resample'\]"),
        ({"type": "continuous"}, "needs path and type"),
        ({**RAIN, "type": "ordinal"}, "type must be continuous or categorical, found 'ordinal'"),
        ({**RAIN, "classes": {"a": 1}}, "needs classes when it is categorical, and only then"),
        (raster_of([]), "needs classes when it is categorical"),
        (raster_of({"a": 1}, resampling="bilinear"), "is categorical: resampling must be mode or nearest"),
        (raster_of({"a": 1, "b": 1}), "names a value twice"),
        (raster_of(["shale"]), "is a raster: its classes are a table label = whole number"),
        (raster_of({"a=b": 1}), "a label is 1 to 80 printable characters without '='"),
        (raster_of({"a": 1.5}), "must be a text, a whole number or a list"),
        ({**RAIN, "where": "a = 1"}, "which are for polygons, and so needs field"),
        ({**UNITS, "resampling": "mode"}, "of polygons: these take neither resampling nor scale"),
        ({**RAIN, "scale": "2"}, "scale must be a float, found '2'"),
        ({**RAIN, "path": "https://elsewhere.example/a.tif"}, "elsewhere.example"),
        ({**RAIN, "path": "/vsicurl/http://127.0.0.1/a.tif"}, "an address for GDAL"),
        ({**RAIN, "path": "../../etc/passwd"}, "leads out of PIPELINE_DATA"),
    ])  # fmt: skip
    def test_settings_that_make_no_sense(self, ingest, data, table, match):
        self.refused(ingest, match, InvalidParams, rain=table)

    def test_a_name_that_is_no_safe_segment(self, ingest):
        self.refused(ingest, "layer 'Rain' is not allowed", InvalidName, Rain=RAIN)

    def test_a_missing_file(self, ingest, data):
        self.refused(ingest, "there is no file 'rain.tif' below PIPELINE_DATA", rain=RAIN)

    def test_a_raster_without_a_crs(self, ingest, write_raster):
        write_raster("rain.tif", np.ones((60, 60), np.float32), 40.0, crs=None)
        self.refused(ingest, r"layer rain \(rain.tif\) names no coordinate reference system", rain=RAIN)

    def test_polygons_without_a_crs(self, ingest, write_polygons):
        write_polygons("units.gpkg", [ALL], crs=None, unit=["Cl"])
        self.refused(ingest, "names no coordinate reference system", soil=UNITS)

    def test_several_bands(self, ingest, data, write_raster):
        path = write_raster("rain.tif", np.ones((60, 60), np.float32), 40.0)
        with rasterio.open(path) as one:
            profile = one.profile
        with rasterio.open(path, "w", **{**profile, "count": 2}) as two:
            two.write(np.ones((2, 60, 60), np.float32))
        self.refused(ingest, r"layer rain \(rain.tif\) has 2 bands; expected 1", rain=RAIN)

    def test_a_vrt_that_calls_itself_a_tiff(self, ingest, data):
        (data / "rain.tif").write_text(
            "<VRTDataset><SourceFilename>/vsicurl/http://x</SourceFilename></VRTDataset>"
        )
        self.refused(ingest, "name the raster itself, not a VRT", rain=RAIN)

    def test_a_truncated_raster(self, ingest, write_raster):
        path = write_raster("rain.tif", np.random.default_rng(0).random((600, 600), np.float32), 4.0)
        path.write_bytes(path.read_bytes()[:-200_000])
        self.refused(ingest, "rain.tif", rain=RAIN)

    def test_a_text_that_is_no_map(self, ingest, data):
        (data / "units.gpkg").write_text("soil")
        self.refused(ingest, "is no GeoPackage", soil=UNITS)

    def test_a_layer_elsewhere(self, ingest, write_raster, write_polygons):
        write_raster("rain.tif", np.ones((60, 60), np.float32), 40.0, beyond=90_000)
        self.refused(
            ingest, r"layer rain \(rain.tif\) does not meet region here: no value on 160 x 160", rain=RAIN
        )
        write_polygons("units.gpkg", [shapely.box(0, 0, 9, 9)], unit=["Cl"])
        self.refused(ingest, r"layer soil \(units.gpkg\) does not meet region here", soil=UNITS)

    def test_not_one_declared_class(self, ingest, write_raster, write_polygons):
        write_raster("cover.tif", np.full((60, 60), 7, np.uint8), 40.0)
        self.refused(
            ingest, "none of its declared classes.*declared '41', found '7'", cover=raster_of({"forest": 41})
        )
        write_polygons("units.gpkg", [ALL], unit=["cl"])
        self.refused(ingest, "declared 'Cl', 'Sa', found 'cl'; correct classes", soil=UNITS)

    def test_a_field_that_is_not_there(self, ingest, write_polygons):
        write_polygons("units.gpkg", [ALL], kind=["Cl"])
        self.refused(ingest, "has no field 'unit'; it has kind", soil=UNITS)

    def test_a_text_where_a_number_is_needed(self, ingest, write_polygons):
        write_polygons("units.gpkg", [ALL], unit=["Cl"])
        table = {"path": "units.gpkg", "type": "continuous", "field": "unit"}
        self.refused(ingest, r"field 'unit' is no number but \['Cl'\]", soil=table)

    def test_points(self, ingest, write_polygons):
        write_polygons("units.gpkg", [shapely.Point(LEFT, TOP)], unit=["Cl"])
        self.refused(ingest, "must be of polygons, found Point", soil=UNITS)

    def test_nothing_half_written_is_left(self, ingest, write_raster, write_polygons, file_store):
        write_raster("rain.tif", np.ones((60, 60), np.float32), 40.0)
        write_polygons("units.gpkg", [ALL], unit=["cl"])
        self.refused(ingest, "declared classes", rain=RAIN, soil=UNITS)
        assert not list(file_store.names("artifacts/"))

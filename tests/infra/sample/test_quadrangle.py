from __future__ import annotations

from dataclasses import replace

import geopandas
import numpy as np
import pytest
import rasterio
from rasterio import features
from rasterio.merge import merge
from rasterio.warp import Resampling, reproject

from infra.sample.folder import metadata, read_layers, replacing
from infra.sample.places import MARGIN_CELLS, QUADRANGLE, SMALL
from infra.sample.products import OVERLAP, PER_DEGREE
from infra.sample.quadrangle import main, make, write

TARGETS = ("scarps", "deposits")


@pytest.fixture(scope="module")
def layers(sample_folder) -> dict[str, geopandas.GeoDataFrame]:
    return read_layers(sample_folder / "inventory.gpkg")


def current(rows):
    return rows[rows["superseded"] == "N"]


def test_the_sample_has_the_cells_of_616_tiles():
    assert QUADRANGLE.shape == (1792, 1408)
    assert (QUADRANGLE.shape[0] // 64) * (QUADRANGLE.shape[1] // 64) == 616


def test_base_rates_lie_where_a_real_quadrangle_has_them(small):
    rates = small.base_rates()
    assert 0.02 <= rates["scarps"] <= 0.04
    assert 0.09 <= rates["deposits"] <= 0.13


def test_every_split_block_of_the_small_sample_has_slides(small):
    for part in (small.landslides.scarp, small.landslides.deposit):
        blocks = (part[SMALL.inner] > 0).reshape(4, 128, 4, 128).sum(axis=(1, 3))
        assert (blocks > 0).mean() > 0.9


def test_terrain_is_hilly_and_whole(small):
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(small.landslides.elevation, SMALL.cell_m))))
    assert 8.0 < np.median(slope) < 25.0
    assert np.isfinite(small.landslides.elevation).all()


def test_volume_is_conserved(small):
    change = small.landslides.elevation.astype(float) - small.confusers.elevation
    assert abs(change.sum()) < 1e-3 * np.abs(change).sum()


def test_scarps_and_deposits_share_their_ids(layers):
    scarps, deposits = (current(layers[target]) for target in TARGETS)
    assert scarps["ls_id"].is_unique
    assert set(scarps["ls_id"]) == set(deposits["ls_id"])
    beside = scarps.set_index("ls_id").distance(deposits.set_index("ls_id"), align=True)
    assert beside.max() < SMALL.cell_m


def test_every_polygon_is_valid_and_inside_the_extent(layers):
    extent = layers["extent"].geometry[0]
    for name, rows in layers.items():
        assert rows.is_valid.all(), name
        assert rows.within(extent.buffer(0.01)).all(), name
        assert rows["OBJECTID"].is_unique


@pytest.mark.parametrize("target", TARGETS)
def test_polygons_hold_exactly_the_cells_of_their_slides(small, layers, target):
    rows = current(layers[target])
    shapes = zip(rows.geometry, rows["ls_id"].str[4:].astype(int), strict=True)
    burnt = features.rasterize(
        shapes, out_shape=SMALL.made_shape, transform=SMALL.made_transform, dtype="uint32"
    )
    truth = {"scarps": small.landslides.scarp, "deposits": small.landslides.deposit}[target]
    np.testing.assert_array_equal(burnt, np.where(small.mapped, truth, 0))


def test_some_landslides_are_superseded_and_some_questionable(layers):
    for target in TARGETS:
        assert (layers[target]["superseded"] == "Y").sum() >= 2
        assert (current(layers[target])["confidence"] == "q").any()


def test_part_of_the_region_was_not_mapped(small):
    share = small.mapped[SMALL.inner].mean()
    assert 0.9 < share < 0.995


def test_confusers_of_both_kinds_are_layers(layers):
    assert set(layers["confusers"]["kind"]) == {"rough patch", "hard bench"}


def test_products_lie_on_the_real_lattice_and_overlap(sample_folder):
    products = metadata(sample_folder)["products"]
    assert [product["file"] for product in products] == ["USGS_13_n39w123.tif", "USGS_13_n38w123.tif"]
    read = []
    for product in products:
        with rasterio.open(sample_folder / product["file"], driver="GTiff") as source:
            assert source.crs.to_epsg() == 4269
            assert source.nodata == -999999.0
            assert source.profile["tiled"]
            corner = np.array([source.transform.c, source.transform.f]) * PER_DEGREE
            np.testing.assert_allclose(corner, corner.round(), atol=1e-6)
            read.append(source.read(1))
    north, south = read
    np.testing.assert_array_equal(north[-2 * OVERLAP :], south[: 2 * OVERLAP])


def test_products_cover_region_and_margin_and_give_the_terrain_back(small, sample_folder):
    files = [sample_folder / product["file"] for product in metadata(sample_folder)["products"]]
    merged, transform = merge(files)
    back = np.full(SMALL.made_shape, np.nan, dtype=np.float32)
    reproject(
        merged[0], back, src_transform=transform, src_crs="EPSG:4269", src_nodata=-999999.0,
        dst_transform=SMALL.made_transform, dst_crs=SMALL.crs, dst_nodata=np.nan, resampling=Resampling.cubic,
    )  # fmt: skip
    wide = slice(MARGIN_CELLS - 128, -(MARGIN_CELLS - 128))
    error = back[wide, wide] - small.landslides.elevation[wide, wide]
    assert np.isfinite(error).all()
    assert error.std() < 0.3


def test_same_seed_same_bytes(tmp_path):
    tiny = replace(SMALL, bounds=(566400.0, 4203520.0, 567680.0, 4204800.0), slides=60)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        with replacing(folder) as fresh:
            write(make(tiny, 3), fresh)
    files = sorted(path.name for path in folders[0].iterdir())
    assert files == sorted(path.name for path in folders[1].iterdir())
    for name in files:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_a_made_folder_is_not_made_again(sample_folder, capsys):
    before = {path: path.stat().st_mtime_ns for path in sample_folder.iterdir()}
    main(["--small", "--seed", "7", "--out", str(sample_folder)])
    assert "already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in sample_folder.iterdir()} == before


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SystemExit, match="other files"):
        main(["--small", "--out", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def half_way(folder):
    with replacing(folder) as fresh:
        (fresh / "dem.tif").write_bytes(b"half")
        raise RuntimeError("half way")


def test_a_failure_leaves_the_old_folder_and_no_rest(tmp_path):
    folder = tmp_path / "data"
    with replacing(folder) as fresh:
        (fresh / "metadata.json").write_text("{}")
    with pytest.raises(RuntimeError, match="half way"):
        half_way(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert [path.name for path in folder.iterdir()] == ["metadata.json"]

"""A raster written in parts reads back as it was, in any window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rio_cogeo.cogeo import cog_validate

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.science.mosaic import surface
from tasks.store.raster import Moments, Part, open_geotiff, read_from, read_window, write_cog

GRID = Grid("EPSG:32610", 500_000.0, 4_000_000.0, 10.0, 700, 600)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Two bands with a hole, written in four parts."""
    data = np.random.default_rng(1).normal(size=(2, 600, 700)).astype(np.float32)
    data[:, 10:20, 30:40] = np.nan
    parts = [Part(r, c, data[:, r : r + 300, c : c + 350]) for r in (0, 300) for c in (0, 350)]
    path = tmp_path / "r.tif"
    properties = write_cog(
        path, GRID, parts, bands=("a", "b"), units=("m", "degree"), about=("height", "a = angle")
    )
    assert properties["bands"] == ["a", "b"]
    return path, data


def test_windows_read_back(written: tuple[Path, np.ndarray]) -> None:
    path, data = written
    np.testing.assert_array_equal(read_window(path, 5, 25, 100, 200), data[:, 5:105, 25:225])
    np.testing.assert_array_equal(read_window(path, 0, 0, 600, 700, bands=[2])[0], data[1])


def test_beyond_the_edge_is_unknown(written: tuple[Path, np.ndarray]) -> None:
    path, data = written
    out = read_window(path, -8, -4, 16, 16)
    assert np.isnan(out[:, :8]).all()
    assert np.isnan(out[:, :, :4]).all()
    np.testing.assert_array_equal(out[:, 8:, 4:], data[:, :8, :12])
    assert np.isnan(read_window(path, 598, 698, 4, 4)[:, 2:]).all()


def test_windows_of_an_open_raster_are_those_of_its_path(written: tuple[Path, np.ndarray]) -> None:
    path, _ = written
    with open_geotiff(path) as dataset:
        for window in ((-3, -3, 9, 9), (8, 28, 20, 20), (590, 690, 20, 20), (-9, 0, 4, 4), (900, 900, 2, 2)):
            np.testing.assert_array_equal(
                read_from(dataset, *window, bands=[2, 1]), read_window(path, *window)[::-1]
            )


def test_it_is_a_cog_with_names_and_units(written: tuple[Path, np.ndarray]) -> None:
    path, _ = written
    assert cog_validate(path, strict=True) == (True, [], [])
    with open_geotiff(path) as dataset:
        assert dataset.descriptions == ("a", "b")
        assert dataset.units == ("m", "degree")
        assert [dataset.tags(band)["long_name"] for band in (1, 2)] == ["height", "a = angle"]
        assert dataset.nodata == -9999.0
        assert dataset.overviews(1) == [2]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_nothing_lies_beside_it(written: tuple[Path, np.ndarray]) -> None:
    path, _ = written
    with open_geotiff(path) as dataset:
        dataset.tags(1)
    assert list(path.parent.iterdir()) == [path]


def test_statistics_are_those_of_the_cells_that_have_data(written: tuple[Path, np.ndarray]) -> None:
    path, data = written
    with open_geotiff(path) as dataset:
        for index, band in enumerate(data.astype(np.float64), 1):
            expected = [np.nanmin(band), np.nanmax(band), np.nanmean(band), np.nanstd(band)]
            tags = dataset.tags(index)
            names = ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV")
            found = [float(tags[f"STATISTICS_{name}"]) for name in names]
            np.testing.assert_allclose(found, expected, rtol=1e-11)
            assert float(tags["STATISTICS_VALID_PERCENT"]) == pytest.approx(100 - 100 / 4200, rel=1e-6)


def test_moments_of_pieces_are_those_of_the_whole_also_far_from_zero() -> None:
    values = np.random.default_rng(2).normal(1e7, 1e-2, 10_000)
    together = Moments()
    for piece in (values[:1], values[:0], values[1:4000], values[4000:]):
        together = together.with_more(Moments.of(piece))
    assert (together.count, together.least, together.most) == (values.size, values.min(), values.max())
    assert together.mean == pytest.approx(values.mean(), rel=1e-15)
    assert np.sqrt(together.squares / together.count) == pytest.approx(values.std(), rel=1e-9)


def test_codes_keep_their_values_and_count_without_nodata(tmp_path: Path) -> None:
    codes = (np.arange(600 * 700).reshape(600, 700) % 3).astype(np.uint8)
    path = tmp_path / "mask.tif"
    write_cog(path, GRID, [Part(0, 0, codes)], bands=["mask"], dtype="uint8", nodata=2, overviews="mode")
    assert cog_validate(path, strict=True) == (True, [], [])
    with open_geotiff(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), codes)
        tags = dataset.tags(1)
    assert (tags["STATISTICS_MINIMUM"], tags["STATISTICS_MAXIMUM"], tags["STATISTICS_MEAN"]) == (
        "0",
        "1",
        "0.5",
    )
    assert tags["STATISTICS_VALID_PERCENT"] == "66.6667"
    np.testing.assert_array_equal(np.isnan(read_window(path, 0, 0, 600, 700)[0]), codes == 2)


def test_large_numbers_without_nodata_stay_whole(tmp_path: Path) -> None:
    numbers = np.full((600, 700), 4_000_000_001, np.uint32)
    path = tmp_path / "n.tif"
    write_cog(
        path, GRID, [Part(0, 0, numbers)], bands=["n"], dtype="uint32", nodata=None, overviews="nearest"
    )
    with open_geotiff(path) as dataset:
        assert (dataset.read(1) == 4_000_000_001).all()
        assert dataset.tags(1)["STATISTICS_MAXIMUM"] == "4000000001"
        assert dataset.tags(1)["STATISTICS_VALID_PERCENT"] == "100"


def test_a_raster_without_data_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.tif"
    write_cog(path, GRID, [Part(0, 0, np.full(GRID.shape, np.nan, np.float32))], bands=["a"])
    with open_geotiff(path) as dataset:
        assert {k: v for k, v in dataset.tags(1).items() if "STAT" in k} == {"STATISTICS_VALID_PERCENT": "0"}


def test_an_overview_is_the_mean_of_the_cells_that_have_data(tmp_path: Path) -> None:
    data = np.full(GRID.shape, np.nan, np.float32)
    data[::2, ::2], data[1::2, ::2] = 10, 20
    path = tmp_path / "o.tif"
    write_cog(path, GRID, [Part(0, 0, data)], bands=["a"])
    with open_geotiff(path) as dataset:
        assert (dataset.read(1, out_shape=(300, 350)) == 15).all()


def test_bytes_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a warp and of a COG with overviews."""
    rows, cols = np.mgrid[0:900, 0:900]
    heights = (np.sin(rows / 50) * 100 + np.random.default_rng(3).normal(size=rows.shape)).astype(np.float32)
    source = Grid("EPSG:32610", 500_000.0, 4_000_000.0, 10.0, 900, 900)
    write_cog(tmp_path / "dem.tif", source, [Part(0, 0, heights + cols)], bands=["elevation"])
    turned = Grid("EPSG:32611", -39_000.0, 4_010_000.0, 8.0, 1300, 1100)
    made = set()
    for number in ("1", "4"):
        monkeypatch.setenv("PIPELINE_THREADS", number)
        path = tmp_path / f"{number}.tif"
        write_cog(path, turned, surface([tmp_path / "dem.tif"], turned, 1.0), bands=["elevation"])
        made.add(path.read_bytes())
    assert len(made) == 1
    with open_geotiff(path) as dataset:
        assert float(dataset.tags(1)["STATISTICS_VALID_PERCENT"]) > 20


def test_parts_that_fail_leave_nothing(tmp_path: Path) -> None:
    def parts() -> Iterator[Part]:
        yield Part(0, 0, np.zeros((512, 512), np.float32))
        raise BadData("the source ended")

    with pytest.raises(BadData, match="the source ended"):
        write_cog(tmp_path / "r.tif", GRID, parts(), bands=["a"])
    assert not list(tmp_path.iterdir())


def test_a_vrt_named_tif_is_refused(tmp_path: Path) -> None:
    """GDAL picks the driver by content: a VRT could read any file of the machine."""
    path = tmp_path / "evil.tif"
    path.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>')
    with pytest.raises(BadData, match=r"evil\.tif"), open_geotiff(path):
        pass

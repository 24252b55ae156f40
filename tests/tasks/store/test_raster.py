"""A raster written in parts reads back as it was, in any window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.store.raster import Part, open_geotiff, read_window, write_cog

GRID = Grid("EPSG:32610", 500_000.0, 4_000_000.0, 10.0, 700, 600)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Two bands with a hole, written in four parts."""
    data = np.random.default_rng(1).normal(size=(2, 600, 700)).astype(np.float32)
    data[:, 10:20, 30:40] = np.nan
    parts = [Part(r, c, data[:, r : r + 300, c : c + 350]) for r in (0, 300) for c in (0, 350)]
    path = tmp_path / "r.tif"
    properties = write_cog(path, GRID, parts, bands=("a", "b"), units=("m", "degree"))
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


def test_it_is_a_cog_with_names_and_units(written: tuple[Path, np.ndarray]) -> None:
    with open_geotiff(written[0]) as dataset:
        assert dataset.descriptions == ("a", "b")
        assert dataset.units == ("m", "degree")
        assert dataset.nodata == -9999.0
        assert dataset.overviews(1)
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_a_vrt_named_tif_is_refused(tmp_path: Path) -> None:
    """GDAL picks the driver by content: a VRT could read any file of the machine."""
    path = tmp_path / "evil.tif"
    path.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>')
    with pytest.raises(BadData, match=r"evil\.tif"), open_geotiff(path):
        pass

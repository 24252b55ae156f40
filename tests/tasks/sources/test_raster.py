"""Files that are no whole raster, or one that reaches for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from tasks.contract.errors import BadData
from tasks.sources.raster import check_raster, open_raster

VALUES = np.arange(256 * 256, dtype=np.float32).reshape(256, 256)


def write(path: Path, *, sparse: bool = False, **profile: Any) -> Path:
    settings = {
        "driver": "GTiff",
        "crs": "EPSG:32610",
        "transform": rasterio.transform.from_origin(500000, 4200000, 10, 10),
        "width": 256,
        "height": 256,
        "count": 1,
        "dtype": "float32",
    }
    if profile.get("driver", "GTiff") == "GTiff":
        settings |= {"tiled": True, "blockxsize": 64, "blockysize": 64, "SPARSE_OK": sparse}
    with rasterio.open(path, "w", **{**settings, **profile}) as out:
        size = 64 if sparse else 256
        for band in out.indexes:
            out.write(VALUES[:size, :size], band, window=Window(0, 0, size, size))
    return path


@pytest.mark.parametrize(("name", "driver"), [("a.tif", "GTiff"), ("a.img", "HFA")])
def test_a_whole_raster_of_an_allowed_driver(tmp_path: Path, name: str, driver: str) -> None:
    path = write(tmp_path / name, driver=driver)
    check_raster(path, name)
    with open_raster(path) as dataset:
        assert (dataset.read(1) == VALUES).all()


def test_an_ascii_grid_has_its_crs_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.asc"
    path.write_text(
        "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 10\nNODATA_value -9999\n1 2\n3 -9999\n"
    )
    with pytest.raises(BadData, match="no coordinate reference system"):
        check_raster(path, "a.asc")
    path.with_suffix(".prj").write_text(rasterio.CRS.from_epsg(32610).to_wkt(version="WKT1_ESRI"))
    check_raster(path, "a.asc")
    with open_raster(path) as dataset:
        assert dataset.read(1, masked=True).sum() == 6


@pytest.mark.parametrize("keep", [100, 5000, 200_000])
def test_cut_short(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "a.tif")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadData, match="cut short"):
        check_raster(path, "a.tif")


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_sparse(tmp_path: Path, interleave: str) -> None:
    path = write(tmp_path / "a.tif", sparse=True, count=2, interleave=interleave)
    with pytest.raises(BadData, match=r"lacks \d+ blocks"):
        check_raster(path, "a.tif", bands=2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<!DOCTYPE html><p>Please log in", "not a TIFF.*DOCTYPE"),
        (b"", "not a raster"),
        (b"\0" * 5000, "not a raster"),
        (b"PK\x03\x04zip", "not a raster"),
    ],
)
def test_something_else(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(BadData, match=sentence):
        check_raster(path, "a.tif")


@pytest.mark.parametrize("suffix", ["tif", "vrt", "img", "asc"])
@pytest.mark.parametrize("space", ["", "\n "])
def test_a_vrt_by_any_name_is_refused_unread(tmp_path: Path, suffix: str, space: str) -> None:
    write(tmp_path / "secret.tif")
    path = tmp_path / f"a.{suffix}"
    path.write_text(
        f'{space}<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        f"<SourceFilename>{tmp_path}/secret.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(BadData, match="VRT"):
        check_raster(path, path.name)
    with pytest.raises(BadData), open_raster(path):
        pass


def test_an_imagine_file_that_keeps_its_cells_elsewhere(tmp_path: Path) -> None:
    path = write(tmp_path / "a.img", driver="HFA", USE_SPILL="YES")
    assert path.with_suffix(".ige").exists()
    with pytest.raises(BadData, match="other file"):
        check_raster(path, "a.img")


def test_a_neighbouring_file_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif")
    path.with_suffix(".tif.aux.xml").write_text(
        '<PAMDataset><SRS>EPSG:4326</SRS><PAMRasterBand band="1"><NoDataValue>0</NoDataValue></PAMRasterBand>'
        "</PAMDataset>"
    )
    with open_raster(path) as dataset:
        assert (dataset.nodata, dataset.crs.to_epsg()) == (None, 32610)


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ({"crs": None}, "no coordinate reference system"),
        ({"count": 3}, "3 bands; expected 1"),
        ({"transform": rasterio.Affine(10, 0, 0, 0, 10, 0)}, "not placed north up"),
        ({"transform": rasterio.Affine(10, 1, 0, 1, -10, 0)}, "not placed north up"),
    ],
)
def test_what_cannot_be_placed(tmp_path: Path, profile: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadData, match=sentence):
        check_raster(write(tmp_path / "a.tif", **profile), "a.tif")

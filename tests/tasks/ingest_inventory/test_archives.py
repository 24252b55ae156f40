"""Zips as people pack them, and as nobody should."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest

from tasks.contract.errors import BadData
from tasks.sources.vector import open_vector, read_layer


@pytest.fixture
def inventory(tmp_path: Path, slides: gpd.GeoDataFrame) -> bytes:
    """A GeoPackage."""
    slides.to_file(tmp_path / "slides.gpkg")
    return (tmp_path / "slides.gpkg").read_bytes()


def packed(folder: Path, **entries: bytes) -> Path:
    """A zip of these entries; in names, `__` stands for a dot."""
    path = folder / "packed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def refused(path: Path, folder: Path, match: str) -> None:
    work = folder / "work"
    work.mkdir()
    with pytest.raises(BadData, match=match):
        open_vector(path, work)
    assert not list(work.rglob("*.gpkg"))


def test_what_macos_adds_is_no_second_inventory(tmp_path: Path, inventory: bytes) -> None:
    path = packed(
        tmp_path, **{"in/slides.gpkg": inventory, "__MACOSX/in/._slides.gpkg": b"x", "read.me": b"x"}
    )
    assert len(read_layer(open_vector(path, tmp_path / "work"))) == 5


@pytest.mark.parametrize("name", ["../../out.gpkg", "/tmp/out.gpkg", r"..\out.gpkg", "C:/out.gpkg"])
def test_a_name_that_leads_out_of_the_zip_is_refused(tmp_path: Path, inventory: bytes, name: str) -> None:
    refused(packed(tmp_path, **{name: inventory}), tmp_path, "leads out of its folder")
    assert not list(tmp_path.parent.rglob("out.gpkg"))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "packed.zip"
    link = zipfile.ZipInfo("slides.gpkg")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(path, tmp_path, "symbolic link")


def test_a_zip_in_a_zip_is_refused(tmp_path: Path, inventory: bytes) -> None:
    inner = packed(tmp_path, slides__gpkg=inventory).read_bytes()
    refused(packed(tmp_path, inner__zip=inner), tmp_path, "archive in an archive")


def test_a_zip_in_a_zip_by_another_name_is_no_inventory(tmp_path: Path, inventory: bytes) -> None:
    path = packed(tmp_path, slides__gpkg=packed(tmp_path, slides__gpkg=inventory).read_bytes())
    with pytest.raises(BadData, match="begins with b'PK"):
        open_vector(path, tmp_path / "work")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path, slides__gpkg=bytes(100 << 20))
    assert path.stat().st_size < 200_000
    refused(path, tmp_path, "zip bomb")


def test_a_bomb_that_lies_about_its_size_never_grows(tmp_path: Path) -> None:
    path = packed(tmp_path, slides__gpkg=bytes(100 << 20))
    content = bytearray(path.read_bytes())
    size = struct.pack("<I", 100 << 20)
    assert content.count(size) == 2  # in the entry's own header and in the directory
    path.write_bytes(bytes(content).replace(size, struct.pack("<I", 1000)))
    with pytest.raises(BadData, match="cannot be unpacked"):
        open_vector(path, tmp_path / "work")
    assert sum(file.stat().st_size for file in (tmp_path / "work").rglob("*")) < 10_000


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_bit_in_a_zip_is_noticed(tmp_path: Path, inventory: bytes, method: int) -> None:
    path = tmp_path / "packed.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("slides.gpkg", inventory)
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 3, len(content) // 2):
        content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadData, match="cannot be unpacked"):
        open_vector(path, tmp_path / "work")


def test_a_zip_of_two_inventories_is_refused(tmp_path: Path, inventory: bytes) -> None:
    refused(
        packed(tmp_path, a__gpkg=inventory, b__gpkg=inventory), tmp_path, r"one data set, found \['a.gpkg'"
    )


@pytest.mark.parametrize("content", [b"PK\x05\x06" + bytes(18), b"PK\x03\x04 cut short"])
def test_a_zip_of_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "packed.zip").write_bytes(content)
    refused(tmp_path / "packed.zip", tmp_path, "found none|cannot be unpacked")


def test_a_vrt_in_a_zip_is_not_opened(tmp_path: Path) -> None:
    vrt = b"<OGRVRTDataSource><OGRVRTLayer name='scarps'/></OGRVRTDataSource>"
    refused(packed(tmp_path, slides__vrt=vrt), tmp_path, "found none")
    path = packed(tmp_path, slides__gpkg=vrt)
    with pytest.raises(BadData, match=r"is no GeoPackage.*OGRVRT"):
        open_vector(path, tmp_path / "work")


def test_a_parquet_without_geometry_is_refused(tmp_path: Path, slides: gpd.GeoDataFrame) -> None:
    slides.drop(columns="geometry").to_parquet(tmp_path / "slides.parquet")
    with pytest.raises(BadData, match="no GeoParquet that can be read"):
        open_vector(tmp_path / "slides.parquet", tmp_path)

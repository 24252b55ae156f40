"""Addresses: what is read from where, when it counts as changed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.contract.errors import BadData, InvalidParams, SourceUnavailable
from tasks.sources.files import fetch, fetch_all, safe_name, state_of
from tests.tasks.sources.conftest import File, Say


@pytest.fixture
def bucket(s3_store, config_folder, monkeypatch) -> str:
    """The address of an empty folder in a bucket that is allowed."""
    config = config_folder(hosts=f"buckets = {json.dumps([s3_store.bucket])}")
    monkeypatch.setenv("PIPELINE_CONFIG", str(config.root))
    return f"s3://{s3_store.bucket}/{s3_store.prefix}"


def test_a_local_file_is_read_where_it_is(data: Path, tmp_path: Path) -> None:
    (data / "a.tif").write_bytes(b"one")
    state = state_of("a.tif")
    assert fetch("a.tif", state, tmp_path) == data / "a.tif"
    (data / "a.tif").write_bytes(b"two")
    assert state_of("a.tif") != state
    with pytest.raises(SourceUnavailable, match="changed while it was taken"):
        fetch("a.tif", state, tmp_path)


def test_a_shapefile_is_all_its_parts(data: Path) -> None:
    for suffix in ("shp", "dbf", "shx"):
        (data / f"a.{suffix}").write_bytes(b"1")
    assert set(state_of("a.shp")["sha256"]) == {"a.shp", "a.dbf", "a.shx"}


def test_a_folder_is_its_files_by_name(data: Path, tmp_path: Path) -> None:
    (data / "tiles").mkdir()
    for name in ("b.tif", "a.tif", "notes.txt"):
        (data / "tiles" / name).write_bytes(name.encode())
    state = state_of("tiles/*.tif")
    assert [path.name for path in fetch_all("tiles/*.tif", state, tmp_path)] == ["a.tif", "b.tif"]
    assert set(state_of("tiles/")["sha256"]) == {"a.tif", "b.tif", "notes.txt"}
    with pytest.raises(BadData, match="no file matches"):
        state_of("tiles/*.asc")


def test_a_path_or_a_link_that_leaves_the_data_folder_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (data / "link").symlink_to(tmp_path / "secret")
    for path in ("../secret", str(tmp_path / "secret"), "link", "../*"):
        with pytest.raises(InvalidParams, match="leads out"):
            state_of(path)
    (data / "tiles").mkdir()
    (data / "tiles" / "a.tif").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidParams, match="leads out"):
        state_of("tiles/")


def test_a_file_that_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(BadData, match=r"no/dem\.tif"):
        state_of("no/dem.tif")


@pytest.mark.parametrize(
    "address",
    [
        "/vsicurl/http://127.0.0.1/a.tif",
        "vsicurl/http://127.0.0.1/a.tif",
        "/vsis3/bucket/a.tif",
        "vrt:///etc/hostname",
        "GTIFF_RAW:/etc/hostname",
        "HDF5:a.h5://x",
        "file:///etc/hostname",
    ],
)
def test_an_address_for_gdal_is_refused(data: Path, address: str) -> None:
    with pytest.raises(InvalidParams):
        state_of(address)


def test_a_web_file_is_known_by_its_validators(server, tmp_path: Path) -> None:
    server.says["/tiles/a%20b.tif"] = File(b"one")
    url = f"{server.url}/tiles/a%20b.tif"
    state = state_of(url)
    assert state == {"etag": '"one"', "size": 3}
    path = fetch(url, state, tmp_path)
    assert (path.name, path.read_bytes()) == ("a_b.tif", b"one")
    server.says["/tiles/a%20b.tif"] = File(b"two", etag='"two"')
    with pytest.raises(SourceUnavailable, match="changed while it was taken"):
        fetch(url, state, tmp_path)


def test_a_web_file_without_validators_is_known_by_its_content(server, tmp_path: Path) -> None:
    server.says["/a"] = Say(body=b"one")
    state = state_of(f"{server.url}/a")
    assert set(state) == {"sha256"}
    assert fetch(f"{server.url}/a", state, tmp_path).read_bytes() == b"one"
    server.says["/a"] = Say(body=b"two")
    with pytest.raises(SourceUnavailable, match="changed"):
        fetch(f"{server.url}/a", state, tmp_path)


@pytest.mark.parametrize(
    "address", ["http://h/..%2f..%2fetc", "http://h/.hidden", "http://h/", "http://h/a;b|c"]
)
def test_a_name_from_outside_names_no_other_place(address: str) -> None:
    name = safe_name(address)
    assert name
    assert Path(name).name == name
    assert not name.startswith((".", "-"))


def test_an_object_and_a_folder_of_objects(bucket: str, s3_store, tmp_path: Path) -> None:
    for name in ("b.tif", "a.tif", "deeper/c.tif"):
        s3_store.put(f"tiles/{name}", name.encode())
    state = state_of(f"{bucket}/tiles/a.tif")
    assert fetch(f"{bucket}/tiles/a.tif", state, tmp_path).read_bytes() == b"a.tif"
    all_state = state_of(f"{bucket}/tiles/")
    found = fetch_all(f"{bucket}/tiles/", all_state, tmp_path)
    assert [path.read_bytes() for path in found] == [b"a.tif", b"b.tif"]
    s3_store.put("tiles/a.tif", b"other")
    assert state_of(f"{bucket}/tiles/a.tif") != state
    with pytest.raises(SourceUnavailable, match="changed"):
        fetch_all(f"{bucket}/tiles/", all_state, tmp_path)
    with pytest.raises(BadData, match="there is no object"):
        state_of(f"{bucket}/tiles/none.tif")


def test_a_bucket_that_is_not_on_the_list(data: Path) -> None:
    with pytest.raises(InvalidParams, match="bucket 'theirs' is not among those"):
        state_of("s3://theirs/a.tif")

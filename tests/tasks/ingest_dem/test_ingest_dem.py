"""The whole task, from a file and from a service, on a plane whose heights are known everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy
from rasterio.vrt import WarpedVRT
from rio_cogeo.cogeo import cog_validate
from scipy.ndimage import binary_dilation

from tasks.contract.errors import BadData, InvalidParams, SourceUnavailable
from tasks.contract.grid import Grid

LEFT, TOP, DX, DY = 563200.0, 4191360.0, 0.3, -0.4  # the plane of conftest
FILE = {"source": "file", "path": "dem.tif"}


def misfit(artifact: Any) -> np.ndarray:
    """Found minus true height of the plane; NaN where there is none."""
    with rasterio.open(artifact.file("dem.tif")) as dataset:
        found = dataset.read(1, masked=True).filled(np.nan)
    grid = Grid.of(artifact.properties)
    x = grid.left + (np.arange(grid.width) + 0.5) * grid.cell_m
    y = grid.top - (np.arange(grid.height) + 0.5) * grid.cell_m
    return found - (500 + DX * (x[None] - LEFT) + DY * (y[:, None] - TOP))


def listing(server: Any, tiles: dict[str, tuple[Path, float, float]]) -> str:
    """Puts tiles on the server with a catalogue of them; returns the catalogue's address."""
    items = []
    for name, (path, west, east) in tiles.items():
        server.replies[f"/{name}.tif"] = (200, {}, path.read_bytes())
        box = {"minX": west, "maxX": east, "minY": 37.84, "maxY": 37.89}
        items.append(
            {
                "sourceId": name,
                "title": name,
                "publicationDate": "2020-01-01",
                "lastUpdated": "2020-01-02",
                "sizeInBytes": path.stat().st_size,
                "downloadURL": f"{server.url}/{name}.tif",
                "boundingBox": box,
            }
        )
    server.replies["/products"] = (200, {}, json.dumps({"total": len(items), "items": items}).encode())
    return f"{server.url}/products"


def test_a_plane_in_degrees_is_a_plane_in_metres(run_task, region, data, write_plane) -> None:
    write_plane("dem.tif")
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))
    assert np.abs(misfit(dem)).max() < 0.002
    assert Grid.of(dem.properties) == Grid("EPSG:32610", LEFT - 160, TOP + 160, 10.0, 128 + 32, 128 + 32)
    with rasterio.open(dem.file("dem.tif")) as dataset:
        assert (dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"], dataset.nodata) == ("COG", -9999.0)


@pytest.mark.parametrize(
    ("named", "in_file", "metres"),
    [
        ("foot", "", 0.3048),
        ("", "ft", 0.3048),
        ("", "US survey foot", 1200 / 3937),
        ("us-survey-foot", "", 1200 / 3937),
    ],
)
def test_feet_become_metres(
    run_task, region, data, write_plane, named: str, in_file: str, metres: float
) -> None:
    write_plane("dem.tif", factor=1 / metres, unit=in_file)
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(**FILE, vertical_unit=named))
    assert np.abs(misfit(dem)).max() < 0.002
    assert dem.properties["source_vertical_unit"] == ("foot" if metres == 0.3048 else "us-survey-foot")


def test_a_file_in_feet_in_a_region_that_says_metres_is_refused(run_task, region, data, write_plane) -> None:
    write_plane("dem.tif", unit="ft")
    with pytest.raises(BadData, match="unit unclear"):
        run_task("ingest_dem", {}, {"region": "here"}, region(**FILE, vertical_unit="metre"))


def test_two_products_become_one_surface(run_task, region, server, write_plane) -> None:
    middle, overlap = -122.275, 6 / 10800  # the border runs through the region
    west = write_plane("w.tif", east=middle + overlap)
    east = write_plane("e.tif", west=middle - overlap)
    url = listing(server, {"w": (west, -122.30, middle + overlap), "e": (east, middle - overlap, -122.24)})
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(source="tnm", url=url))
    assert np.abs(misfit(dem)).max() < 0.002
    assert {p["id"] for p in dem.properties["products"]} == {"w", "e"}
    assert dem.properties["vertical_datum"] == "NAVD88"


def test_an_unchanged_source_is_not_downloaded_again(run_task, region, server, write_plane) -> None:
    path = write_plane("a.tif")
    config = region(source="tnm", url=listing(server, {"a": (path, -122.30, -122.24)}))
    first = run_task("ingest_dem", {}, {"region": "here"}, config)
    second = run_task("ingest_dem", {}, {"region": "here"}, config)
    assert first.key == second.key
    assert [path for path, _ in server.asked].count("/a.tif") == 1


def test_the_same_terrain_issued_again_changes_the_key_but_not_a_byte(
    run_task, region, server, write_plane
) -> None:
    path = write_plane("a.tif")
    config = region(source="tnm", url=listing(server, {"a": (path, -122.30, -122.24)}))
    first = run_task("ingest_dem", {}, {"region": "here"}, config)
    status, headers, body = server.replies["/products"]
    server.replies["/products"] = (status, headers, body.replace(b"2020-01-02", b"2024-01-02"))
    second = run_task("ingest_dem", {}, {"region": "here"}, config)
    assert first.key != second.key
    assert first.digest == second.digest


def test_a_gap_is_refused_and_named(run_task, region, data, write_plane) -> None:
    write_plane("dem.tif", east=-122.275)
    with pytest.raises(BadData, match=r"lack elevation.*x 5637\d\d to 564480.*n38w123"):
        run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))


def test_a_gap_the_region_allows_is_recorded(run_task, region, data, write_plane) -> None:
    write_plane("dem.tif", east=-122.275)
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(**FILE, max_gap=0.9))
    inner = misfit(dem)[16:-16, 16:-16]
    assert dem.properties["gap_share"] == pytest.approx(np.isnan(inner).mean())
    away = ~binary_dilation(np.isnan(inner))  # at its very edge a raster is extrapolated by half a cell
    assert np.abs(inner[away]).max() < 0.002


def test_html_instead_of_a_tiff_is_refused(run_task, region, server, write_plane) -> None:
    url = listing(server, {"a": (write_plane("a.tif"), -122.30, -122.24)})
    server.replies["/a.tif"] = (200, {"Content-Type": "image/tiff"}, b"<!DOCTYPE html><p>Please log in")
    with pytest.raises(BadData, match=r"web page.*not a TIFF.*DOCTYPE"):
        run_task("ingest_dem", {}, {"region": "here"}, region(source="tnm", url=url))


def test_a_busy_catalogue_is_worth_a_retry(run_task, region, server) -> None:
    server.replies["/products"] = (200, {}, b"")
    with pytest.raises(SourceUnavailable, match="busy"):
        run_task("ingest_dem", {}, {"region": "here"}, region(source="tnm", url=f"{server.url}/products"))


def test_a_vrt_named_tif_is_refused(run_task, region, data, write_plane) -> None:
    write_plane("secret.tif")
    (data / "dem.tif").write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        "<SourceFilename>secret.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(BadData, match=r"not a TIFF.*VRTDataset"):
        run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))


def test_a_tiff_cut_short_is_refused(run_task, region, data, write_plane) -> None:
    path = write_plane("dem.tif")
    path.write_bytes(path.read_bytes()[:-200_000])
    with pytest.raises(BadData, match=r"cut short or sparse|cannot be read"):
        run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))


def test_a_sparse_tiff_is_refused(run_task, region, data, write_plane) -> None:
    with rasterio.open(write_plane("dem.tif")) as dataset:
        profile = dataset.profile
    with rasterio.open(data / "dem.tif", "w", **profile, SPARSE_OK=True) as out:
        out.write(np.ones((1, 128, 128), np.float32), window=rasterio.windows.Window(0, 0, 128, 128))
    with pytest.raises(BadData, match="sparse"):
        run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))


def test_a_dem_without_a_crs_is_refused(run_task, region, data, write_plane) -> None:
    write_plane("dem.tif", crs=None)
    with pytest.raises(BadData, match="coordinate reference system"):
        run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))


def test_the_real_3dep_crop_lies_between_its_own_heights(
    run_task, region, shared_data, monkeypatch, config_folder
) -> None:
    monkeypatch.setenv("PIPELINE_DATA", str(shared_data))
    name = "alum-rock/USGS_13_alum_rock_crop_epsg4269.tif"
    config = config_folder(
        **{
            "regions/here": (
                'crs = "EPSG:32610"\nbounds = [602880.0, 4138880.0, 611840.0, 4144640.0]\ncell_m = 10.0\n'
                f'[dem]\nsource = "file"\npath = "{name}"\nmax_gap = 0.9\n'
            )
        }
    )
    dem = run_task("ingest_dem", {}, {"region": "here"}, config)
    with rasterio.open(dem.file("dem.tif")) as dataset:
        heights = dataset.read(1, masked=True).compressed()
    assert heights.size
    assert 51 <= heights.min() < heights.max() <= 692


def test_the_result_is_a_valid_cog(run_task, region, data, write_plane) -> None:
    write_plane("dem.tif")
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(margin_px=400, **FILE, max_gap=0.9))
    for name in ("dem.tif", "sources.tif"):
        valid, errors, warnings = cog_validate(dem.file(name), strict=True)
        assert (valid, errors, warnings) == (True, [], [])


def test_a_raw_product_is_fetched_once_for_two_regions(
    run_task, region, server, write_plane, file_store
) -> None:
    config = region(source="tnm", url=listing(server, {"a": (write_plane("a.tif"), -122.30, -122.24)}))
    first = run_task("ingest_dem", {}, {"region": "here"}, config)
    there = (config.root / "regions/here.toml").read_text().replace("margin_px = 16", "margin_px = 8")
    (config.root / "regions/there.toml").write_text(there)
    second = run_task("ingest_dem", {}, {"region": "there"}, config)
    assert first.key != second.key
    assert first.manifest.inputs["product"] == second.manifest.inputs["product"]
    assert [path for path, _ in server.asked].count("/a.tif") == 1
    assert not list(file_store.names("scratch/"))


def test_a_product_that_fails_leaves_nothing_behind(
    run_task, region, server, write_plane, file_store
) -> None:
    url = listing(server, {"a": (write_plane("a.tif"), -122.30, -122.24)})
    body = (server.replies["/a.tif"])[2]
    server.replies["/a.tif"] = (200, {}, b"\0" * len(body))
    with pytest.raises(BadData, match="not a raster"):
        run_task("ingest_dem", {}, {"region": "here"}, region(source="tnm", url=url))
    assert not list(file_store.names("artifacts/"))


def test_each_cell_says_which_product_it_is_of(run_task, region, server, write_plane) -> None:
    middle, overlap = -122.275, 6 / 10800
    west, east = write_plane("w.tif", east=middle + overlap), write_plane("e.tif", west=middle - overlap)
    url = listing(server, {"w": (west, -122.30, middle + overlap), "e": (east, middle - overlap, -122.24)})
    page = server.replies["/products"][2].replace(b'"2020-01-01"', b'"2017-05-05"', 1)
    server.replies["/products"] = (200, {}, page)
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(source="tnm", url=url))
    assert [p["id"] for p in dem.properties["products"]] == ["e", "w"]  # newest first
    assert sum(p["share"] for p in dem.properties["products"]) == pytest.approx(1)
    assert dem.properties["terrain_dates"] == {"oldest": "2017-05-05", "newest": "2020-01-01"}
    with rasterio.open(dem.file("sources.tif")) as dataset:
        numbers = dataset.read(1)
    assert (set(numbers[:, 0]), set(numbers[:, -1])) == ({2}, {1})


def test_a_folder_of_tiles_is_one_surface(run_task, region, data, write_plane) -> None:
    (data / "tiles").mkdir()
    for name, sides in {"w": {"east": -122.274}, "e": {"west": -122.275}}.items():
        write_plane(f"{name}.tif", **sides).rename(data / "tiles" / f"{name}.tif")
    table = {"source": "file", "path": "tiles/*.tif", "acquired": "2019-08-01"}
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(**table))
    assert np.abs(misfit(dem)).max() < 0.002
    assert dem.properties["terrain_dates"] == {"oldest": "2019-08-01", "newest": "2019-08-01"}


def test_a_file_at_a_web_address(run_task, region, server, write_plane) -> None:
    modified = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    server.replies["/dem.tif"] = (200, modified, write_plane("d.tif").read_bytes())
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(source="file", path=f"{server.url}/dem.tif"))
    assert np.abs(misfit(dem)).max() < 0.002
    assert "product" in dem.manifest.inputs


def test_holes_of_nan_and_infinity_are_gaps(run_task, region, data, write_plane) -> None:
    path = write_plane("dem.tif")
    with rasterio.open(path, "r+") as dataset:
        heights = dataset.read(1)
        heights[:, : heights.shape[1] // 2] = np.nan
        heights[: heights.shape[0] // 2] = np.inf
        dataset.write(heights, 1)
    with pytest.raises(BadData, match="lack elevation"):
        run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))


@pytest.mark.parametrize("named", ["", "metre"])
def test_heights_of_a_plan_in_feet_must_be_named(run_task, region, data, write_plane, named: str) -> None:
    with rasterio.open(write_plane("lonlat.tif")) as source, WarpedVRT(source, crs="EPSG:2227") as warped:
        copy(warped, data / "dem.tif", driver="GTiff")
    config = region(**FILE, vertical_unit=named, max_gap=0.1)
    if not named:
        with pytest.raises(BadData, match="plan in feet"):
            run_task("ingest_dem", {}, {"region": "here"}, config)
    else:
        dem = run_task("ingest_dem", {}, {"region": "here"}, config)
        assert (
            np.nanmax(np.abs(misfit(dem))) < 10
        )  # feet would be off by hundreds; resampled to the nearest before


def test_the_vertical_datum_a_file_names_is_recorded(run_task, region, data, write_plane) -> None:
    write_plane("dem.tif", crs=rasterio.CRS.from_user_input("EPSG:4269+5703"))
    dem = run_task("ingest_dem", {}, {"region": "here"}, region(**FILE))
    assert dem.properties["vertical_datum"] == "NAVD88 height"
    assert np.abs(misfit(dem)).max() < 0.002


@pytest.mark.parametrize(
    "table",
    [
        {"source": "tnm", "url": "http://h/", "product": "5 meter"},
        {"source": "tnm", "url": "http://h/", "published_until": "last year"},
        {"source": "file", "path": "/vsicurl/http://h/a.tif"},
        {"source": "file", "path": "a.tif", "dataset": "x"},
        {"source": "cloud"},
    ],
)
def test_a_table_that_cannot_be_meant(run_task, region, table: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        run_task("ingest_dem", {}, {"region": "here"}, region(**table))

"""The whole task, from a file and from a service, on a plane whose heights are known everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from scipy.ndimage import binary_dilation

from tasks.contract.errors import BadData, SourceUnavailable
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
    with pytest.raises(BadData, match=r"not a TIFF.*DOCTYPE"):
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

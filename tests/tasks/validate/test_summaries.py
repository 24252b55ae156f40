"""Statistics against arrays whose answer is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tasks.contract.errors import InvalidParams
from tasks.validate.checks import Check
from tasks.validate.dem import dem_row, in_zero_runs
from tasks.validate.inventory import inventory_rows
from tasks.validate.mask_tiles import split_rows
from tasks.validate.spec import Params
from tasks.validate.stack import stack_rows


def plane(dz: float, cells: int = 22) -> np.ndarray:
    return (100 + dz * np.arange(cells, dtype=np.float32))[None].repeat(cells, axis=0)


def test_a_gentle_plane_has_nothing_to_report() -> None:
    row = dem_row([plane(1.0)], cell_m=10.0, steep_deg=75)
    assert (row["valid_share"], row["flat_share"], row["steep_share"], row["zero_run_share"]) == (1, 0, 0, 0)
    assert (row["elevation_min"], row["elevation_max"], row["relief"]) == (101, 120, 19)  # without the halo


def test_a_cliff_is_steep_and_a_table_flat() -> None:
    assert dem_row([plane(38.0)], 10.0, 75)["steep_share"] == 1  # atan(3.8) is 75.3 degrees
    assert dem_row([plane(37.0)], 10.0, 75)["steep_share"] == 0  # atan(3.7) is 74.9
    assert dem_row([plane(0.0)], 10.0, 75)["flat_share"] == 1


def test_nodata_counts_only_as_missing() -> None:
    heights = plane(1.0)
    heights[1:11] = np.nan
    row = dem_row([heights], 10.0, 75)
    assert row["valid_share"] == 0.5
    assert row["flat_share"] == row["steep_share"] == 0


def test_a_dem_in_parts_has_the_statistics_of_the_whole() -> None:
    whole = np.random.default_rng(1).normal(500, 50, (42, 42)).astype(np.float32)
    whole[5:9, 30:] = np.nan
    parts = [whole[:22], whole[20:]]
    assert dem_row(parts, 10.0, 75) == dem_row([whole], 10.0, 75)


def test_eight_zeros_in_a_row_are_a_void_and_seven_a_shore() -> None:
    heights = np.ones((2, 30), np.float32)
    heights[0, 4:12] = 0
    heights[1, 4:11] = 0
    assert in_zero_runs(heights).sum(axis=1).tolist() == [8, 0]
    assert np.flatnonzero(in_zero_runs(heights)[0]).tolist() == list(range(4, 12))


def test_overlap_and_outside_are_areas() -> None:
    shapes = [shapely.box(0, 0, 10, 10), shapely.box(5, 0, 15, 10), shapely.box(90, 0, 110, 10)]
    table = gpd.GeoDataFrame({"target": ["a", "a", "b"]}, geometry=shapes, crs="EPSG:32610")
    rows = {row["item"]: row for row in inventory_rows(table, shapely.box(0, 0, 100, 100), ["a", "c"])}
    assert rows["a"]["overlap_share"] == pytest.approx(0.25)
    assert rows["b"]["outside_share"] == pytest.approx(0.5)
    assert (rows["a"]["count"], rows["c"]["count"], rows["a"]["largest_share"]) == (2, 0, 0.01)


def test_a_slope_above_ninety_degrees_and_a_constant_band_are_seen() -> None:
    slope = np.array([[0, 95], [45, np.nan]], np.float32)
    rows = stack_rows([np.stack([slope, np.ones_like(slope)])], ["slope", "curvature_sd2"])
    assert rows[0]["stray_share"] == pytest.approx(1 / 3)
    assert rows[0]["finite_share"] == 0.75
    assert [row["varies"] for row in rows] == [True, False]


def test_the_base_rate_is_of_known_cells() -> None:
    tiles = np.zeros((3, 4, 4), np.uint8)
    tiles[0, 0] = 1
    tiles[0, 1:3] = 255
    rows = {row["item"]: row for row in split_rows(tiles, pd.Series(["train", "test", "test"]))}
    assert (rows["train"]["base_rate"], rows["train"]["unknown_share"]) == (0.5, 0.5)
    assert rows["test"]["tiles"] == 2
    assert "validation" not in rows


def test_limits_are_said_in_words() -> None:
    assert Check("a", "A", "a", 0.99, unit="%").expected == "at least 99 %"
    assert Check("a", "A", "a", 1, 2, unit="m").expected == "1 m to 2 m"
    assert Check("a", "A", "a", among=["EPSG:32610"]).expected == "EPSG:32610"


def test_a_limit_nobody_knows_is_refused(region) -> None:
    with pytest.raises(InvalidParams, match="valid_share_min"):
        Params.of(region("[validation.dem]\nvalid_share = 0.5\n"), region="here")


def test_limits_for_a_kind_nobody_knows_are_refused(region) -> None:
    with pytest.raises(InvalidParams, match="mask-tiles"):
        Params.of(region("[validation.masks]\n"), region="here")

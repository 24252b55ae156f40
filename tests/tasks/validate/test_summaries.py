"""Statistics against arrays whose answer is known."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tasks.contract.errors import InvalidParams
from tasks.validate.checks import WARN, Check, Outcome, verdict
from tasks.validate.dem import block_counts, in_steps, in_zero_runs, seam_rows, seam_steps
from tasks.validate.dem import dem_row as row_of_blocks
from tasks.validate.drift import change_rows, differences, psi, rate_change, shrunk
from tasks.validate.inventory import inventory_rows, suspects
from tasks.validate.layers import categorical_row, continuous_row
from tasks.validate.mask_tiles import blocks, leakage_px, split_rows
from tasks.validate.spec import Params
from tasks.validate.stack import stack_rows
from tasks.validate.stack_tiles import tile_rows


def dem_row(parts: list[np.ndarray], cell_m: float, steep_deg: float) -> dict[str, Any]:
    return row_of_blocks(block_counts(part, cell_m, steep_deg) for part in parts)


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
    (absent,) = stack_rows([np.zeros((1, 4, 4), np.float32)], ["lithology=shale"])
    assert absent["varies"] is None  # a class that a region does not have is no defect


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


def hills(cells: int = 66) -> np.ndarray:
    y, x = np.mgrid[0:cells, 0:cells]
    return (500 + 40 * np.sin(x / 9) * np.cos(y / 11) + x * 0.37).astype(np.float32)


@pytest.mark.parametrize("step", [1.0, 5.0, 0.3048])
def test_elevations_rounded_to_steps_are_seen(step) -> None:
    smooth = hills()
    assert not in_steps(smooth)
    assert in_steps((np.round(smooth / step) * step).astype(np.float32))


def test_one_stepped_block_of_two_is_half_of_the_cells() -> None:
    row = dem_row([hills(), np.round(hills())], 10.0, 75)
    assert row["stepped_share"] == 0.5


def test_infinity_is_counted_and_is_no_elevation() -> None:
    heights = hills()
    heights[5, 5] = np.inf
    row = dem_row([heights], 10.0, 75)
    assert row["infinite"] == 1
    assert row["elevation_max"] < 700


def test_an_offset_between_products_is_a_seam_and_a_join_without_one_is_not() -> None:
    smooth = hills(120)
    sources = np.ones(smooth.shape, np.uint8)
    sources[:, 60:] = 2
    sources[80:, :] = 3
    (quiet, *_) = seam_rows(seam_steps(smooth, sources))
    assert quiet["ratio"] < 1.5
    torn = smooth.copy()
    torn[:, 60:] += 3
    sources[80:] = sources[:40]
    worst, *others = seam_rows(seam_steps(torn, sources))
    assert (worst["pair"], worst["cells"], others) == ((1, 2), 120 - 14, [])  # less the halo
    assert worst["border"] == pytest.approx(3, abs=0.5)
    assert worst["ratio"] > 5


def test_psi_is_nothing_for_the_same_and_large_for_a_shift() -> None:
    rng = np.random.default_rng(3)
    before, again = rng.normal(0, 1, 20_000), rng.normal(0, 1, 20_000)
    assert psi(before, before) == 0
    assert psi(before, again) < 0.01
    assert 0.1 < psi(before, again + 0.4) < 0.25
    assert psi(before, again + 1) > 0.25
    assert psi(before, np.full(10, np.nan)) is None


def test_psi_of_a_class_sees_its_share_change_and_a_new_class() -> None:
    few, many = np.repeat([0.0, 1.0], [95, 5]), np.repeat([0.0, 1.0], [60, 40])
    assert psi(few, many) == pytest.approx(0.35 * np.log(0.4 / 0.05) - 0.35 * np.log(0.6 / 0.95))
    assert psi(few, np.repeat([0.0, 7.0], [95, 5])) > 0.25
    assert psi(np.zeros(10), np.zeros(10)) == 0
    assert psi(np.zeros(10), np.ones(10)) > 0.25


def table(shapes: dict[str, Any], target: str = "scarps", **columns: Any) -> gpd.GeoDataFrame:
    data = {"id": list(shapes), "target": target, **columns}
    return gpd.GeoDataFrame(data, geometry=list(shapes.values()), crs="EPSG:32610")


def test_differences_name_what_was_added_removed_and_reshaped() -> None:
    square = shapely.box(0, 0, 10, 10)
    turned = shapely.Polygon([(10, 10), (0, 10), (0, 0), (10, 0)])  # the same square from another corner
    before = table({"stays": square, "goes": square, "grows": square})
    after = table({"stays": turned, "grows": square.buffer(5), "comes": shapely.box(50, 0, 60, 10)})
    changed = differences(before, after)
    assert dict(zip(changed["id"], changed["change"], strict=True)) == {
        "comes": "added",
        "goes": "removed",
        "grows": "reshaped",
    }
    row = change_rows(before, after, changed)["scarps"]
    assert (row["before"], row["after"], row["added"], row["removed"], row["reshaped"]) == (3, 3, 1, 1, 1)
    assert row["area_before_m2"] == 300
    assert differences(before, before).empty
    assert set(differences(before, table({}))["change"]) == {"removed"}


def test_an_inventory_shrinks_by_count_or_by_area() -> None:
    row = {"before": 10, "after": 9, "area_before_m2": 100.0, "area_m2": 40.0}
    assert shrunk(row) == pytest.approx(0.6)
    assert shrunk({**row, "area_m2": 100.0}) == pytest.approx(0.1)
    assert shrunk({**row, "after": 20, "area_m2": 200.0}) == 0
    assert shrunk({**row, "before": 0, "area_before_m2": 0.0}) == 0


def test_landslides_younger_than_the_terrain_are_counted_and_named() -> None:
    shapes = {name: shapely.box(n, 0, n + 1, 1) for n, name in enumerate("abcd")}
    inventory = table(shapes, date=["2019-12-31", "2020-01-02T00:00:00", None, ""])
    extent = shapely.box(0, 0, 100, 100)
    (row,) = inventory_rows(inventory, extent, ["scarps"], "2020-01-01")
    assert row["younger"] == 1
    limits = {"area_min_m2": 1.0, "largest_share_max": 0.5}
    (found,) = suspects(inventory, extent, {"younger"}, limits, "2020-01-01")
    assert (found["id"], found["why"]) == ("b", "dated after the terrain")
    (undated,) = inventory_rows(inventory.drop(columns="date"), extent, ["scarps"], "2020-01-01")
    assert undated["younger"] == 0


def test_leakage_is_the_chebyshev_distance_between_known_cells_of_splits() -> None:
    tiles = np.full((2, 8, 8), 255, np.uint8)
    tiles[0, 0, 5], tiles[1, 6, 1] = 1, 0  # columns 5 and 8 + 1 of the whole, rows 0 and 6
    index = pd.DataFrame(
        {"row": [3, 3], "col": [7, 8], "split": ["train", "test"], "block_row": 0, "block_col": [0, 1]}
    )
    assert leakage_px(tiles, index) == {"train": 6, "test": 6}
    tiles[0, 7, 7] = 0
    assert leakage_px(tiles, index) == {"train": 2, "test": 2}
    assert leakage_px(tiles[:1], index[:1]) == {}
    assert blocks(index) == {"train": 1, "test": 1}


def test_half_and_twice_the_base_rate_are_the_same_change() -> None:
    assert rate_change(0.02, 0.04) == rate_change(0.02, 0.01) == pytest.approx(1)
    assert rate_change(0.02, 0.02) == 0
    assert rate_change(None, 0.02) is None


def test_layers_are_known_where_they_have_a_class_or_a_number() -> None:
    codes = np.array([[0, 1, 1, 3], [9, 1, 1, 1]], np.float32)
    row = categorical_row("soil", [codes], ["clay", "sand", "rock"])
    assert (row["valid_share"], row["strays"], row["missing"]) == (7 / 8, 1, ["sand"])
    row = continuous_row("rain", [np.array([[1, np.nan], [np.inf, 1]], np.float32)])
    assert (row["valid_share"], row["strays"], row["varies"]) == (0.5, 1, False)


def test_tiles_without_a_known_cell_are_counted() -> None:
    (row,) = tile_rows(pd.DataFrame({"split": ["train"] * 4, "valid_share": [0, 1, 1, 1]}))
    assert (row["valid_share"], row["empty_share"]) == (0.75, 0.25)


def outcome(name: str, *, passed: bool = False, **more: Any) -> Outcome:
    return Outcome(Check(name, name, name, high=1, **more), passed, "2")


def test_a_warning_does_not_fail_and_a_waiver_holds_for_its_subject_and_waivable_checks_only() -> None:
    warned, shrank = outcome("w", level=WARN), outcome("shrank", waivable=True)
    found = verdict([warned], "sha256:a", None)
    assert (found.passed, found.reasons, len(found.warnings)) == (True, [], 1)
    waiver = {"subject": "sha256:a", "by": "me", "reason": "so it is"}
    assert "in the ingest form, with a reason" in verdict([shrank], "sha256:a", None).reasons[0]
    accepted = verdict([warned, shrank], "sha256:a", waiver)
    assert accepted.passed
    assert accepted.waived == {"by": "me", "reason": "so it is", "checks": ["shrank"]}
    assert not verdict([shrank], "sha256:b", waiver).passed
    both = verdict([shrank, outcome("crs")], "sha256:a", waiver)
    assert (both.passed, both.waived) == (False, {})
    assert verdict([outcome("crs", passed=True)], "sha256:a", waiver).waived == {}


def test_a_long_list_names_only_what_is_off_the_limits() -> None:
    rows = [{"item": f"band{n}", "share": n / 10} for n in range(10)]
    assert Check("a", "A", "share", high=0.8).found(rows) == "band9 0.9"
    assert Check("a", "A", "share", high=0.1).found([{"item": "x", "share": None}, rows[3]]) == "band3 0.3"
    assert Check("a", "A", "share", high=9).found([{**row, "share": 1} for row in rows]) == "1 in all 10"

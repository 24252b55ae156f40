"""The grid is snapped in absolute coordinates; names cannot leave their folder."""

from __future__ import annotations

import pytest

from tasks.contract.errors import BadData, InvalidConfig, InvalidName
from tasks.contract.grid import Grid, region_grid
from tasks.contract.names import checked_ref

HERE = {"crs": "EPSG:32610", "bounds": [563200.0, 4190080.0, 577280.0, 4208000.0], "cell_m": 10.0}


def test_the_sample_quadrangle_has_616_tiles() -> None:
    grid = region_grid(HERE)
    assert grid.shape == (1792, 1408)
    assert (grid.width // 64) * (grid.height // 64) == 616
    assert grid.bounds == tuple(HERE["bounds"])  # type: ignore[arg-type]


def test_a_grown_region_keeps_its_cells() -> None:
    left, bottom, right, top = HERE["bounds"]  # type: ignore[misc]
    grown = region_grid({**HERE, "bounds": [left - 5, bottom - 700, right + 1, top]})
    assert (grown.left, grown.top) == (left - 640, top)
    assert grown.shape == (1792 + 128, 1408 + 128)


def test_properties_give_the_grid_back() -> None:
    grid = region_grid(HERE).padded(3)
    assert Grid.of(grid.properties()) == grid


@pytest.mark.parametrize("bounds", [[1, 2, 0, 3], [1, 2], "x", None])
def test_bounds_that_are_not(bounds: object) -> None:
    with pytest.raises(InvalidConfig, match="left, bottom, right, top"):
        region_grid({**HERE, "bounds": bounds})


def test_a_rotated_raster_is_no_grid() -> None:
    with pytest.raises(BadData, match="north up"):
        Grid.of({**region_grid(HERE).properties(), "transform": [10, 1, 0, 0, -10, 0]})


@pytest.mark.parametrize(
    "ref",
    ["regions/../x", "regions/Sample", "x", "regions//x", "regions/a b", "runs/dag/../x/y", "regions/.."],
)
def test_refs_that_could_leave(ref: str) -> None:
    with pytest.raises(InvalidName):
        checked_ref(ref)


def test_airflow_run_ids_are_allowed_in_their_place() -> None:
    checked_ref("runs/ingest/manual__2026-11-23T21:34:00+00:00/sample/dem")

"""A plane stays a plane, whatever it is cut into; the first raster wins; codes stay codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from tasks.contract.grid import Grid
from tasks.science import mosaic
from tasks.store.raster import Part

GRID = Grid("EPSG:32610", 500000.0, 4200000.0, 10.0, 128, 96)


def plane(x: Any, y: Any) -> Any:
    return 100 + 0.3 * (x - 500000) - 0.4 * (y - 4200000)


def write(path: Path, left: float, top: float, cols: int, rows: int, cell: float = 10.0, **more: Any) -> Path:
    """The plane (or `data`) on cells from left, top."""
    x = left + (np.arange(cols) + 0.5) * cell
    y = top - (np.arange(rows) + 0.5) * cell
    data = more.pop("data", plane(x[None], y[:, None]))
    point = more.pop("point", False)
    settings = {
        "driver": "GTiff",
        "crs": "EPSG:32610",
        "transform": rasterio.transform.from_origin(left, top, cell, cell),
        "width": cols,
        "height": rows,
        "count": 1,
        "dtype": "float64",
        "nodata": -9999,
    }
    with rasterio.open(path, "w", **{**settings, **more}) as out:
        if point:
            out.update_tags(AREA_OR_POINT="Point")
        out.write(data.astype(settings["dtype"]), 1)
    return path


def whole(paths: list[Path], grid: Grid = GRID, **more: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values and numbers of the rasters that gave them."""
    values, numbers = np.full(grid.shape, np.nan), np.zeros(grid.shape, int)

    def put(into: np.ndarray, part: Part) -> None:
        height, width = part.data.shape
        into[part.row : part.row + height, part.col : part.col + width] = part.data

    for part in mosaic.surface(paths, grid, 1.0, origins=lambda part: put(numbers, part), **more):
        put(values, part)
    return values, numbers


def misfit(values: np.ndarray, grid: Grid = GRID) -> float:
    x = grid.left + (np.arange(grid.width) + 0.5) * grid.cell_m
    y = grid.top - (np.arange(grid.height) + 0.5) * grid.cell_m
    return float(np.abs(values - plane(x[None], y[:, None])).max())


@pytest.mark.parametrize("shift", [0.0, 5.0, 3.3])
def test_products_whose_cells_do_not_coincide_are_not_moved_onto_each_other(
    tmp_path: Path, shift: float
) -> None:
    west = write(tmp_path / "w.tif", 499800, 4200200, 84, 140)
    east = write(tmp_path / "e.tif", 500500 - shift, 4200200 + shift, 110, 140)
    values, numbers = whole([west, east])
    assert misfit(values) < 0.002
    assert set(np.unique(numbers)) == {1, 2}


def test_the_first_raster_wins_where_it_has_a_value(tmp_path: Path) -> None:
    holey = np.full((140, 170), 7.0)
    holey[60:, :] = -9999
    holey[:, :40] = np.nan
    holey[:, 40:50] = np.inf
    new = write(tmp_path / "n.tif", 499800, 4200200, 170, 140, data=holey)
    old = write(tmp_path / "o.tif", 499800, 4200200, 170, 140)
    values, numbers = whole([new, old])
    assert np.isfinite(values).all()
    assert (values[numbers == 1] == 7).all()
    assert numbers[0, 127] == 1
    assert numbers[95, 127] == numbers[0, 0] == 2


def test_precedence_holds_across_grids(tmp_path: Path) -> None:
    first = write(tmp_path / "1.tif", 499800, 4200200, 60, 140, data=np.full((140, 60), 1.0))
    second = write(tmp_path / "2.tif", 499795, 4200200, 170, 140, data=np.full((140, 170), 2.0))
    third = write(tmp_path / "3.tif", 499800, 4200200, 170, 140, data=np.full((140, 170), 3.0))
    values, numbers = whole([first, second, third])
    assert (values[:, 0] == 1).all()
    assert (values[:, 100] == 2).all()
    assert 3 not in numbers


def test_cells_named_by_their_centres_are_not_half_a_cell_off(tmp_path: Path) -> None:
    assert misfit(whole([write(tmp_path / "p.tif", 499800, 4200200, 170, 140, point=True)])[0]) < 0.002


def test_much_finer_cells_are_averaged_in_windows_that_stay_small(tmp_path: Path) -> None:
    path = write(tmp_path / "f.tif", 499900, 4200100, 1500, 1200, cell=1.0, dtype="float32")
    assert misfit(whole([path])[0]) < 0.002
    with rasterio.open(path) as dataset:
        px = mosaic.window_px([[mosaic.Member(1, dataset)]], GRID)
    assert px * 10 <= mosaic.SOURCE_PX


@pytest.mark.parametrize("resampling", ["nearest", "mode"])
def test_codes_are_never_mixed(tmp_path: Path, resampling: str) -> None:
    codes = np.random.default_rng(1).choice([1, 5, 9], (140, 170))
    path = write(tmp_path / "c.tif", 499803, 4200197, 170, 140, data=codes, dtype="uint16", nodata=0)
    values, _ = whole([path], resampling=resampling)
    assert set(np.unique(values)) == {1, 5, 9}


def test_windows_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rough = np.random.default_rng(1).normal(size=(140, 170))
    path = write(tmp_path / "r.tif", 499803, 4200197, 170, 140, data=rough)
    once, _ = whole([path])
    monkeypatch.setattr(mosaic, "WINDOW_PX", 64)
    assert np.allclose(whole([path])[0], once, atol=1e-5)

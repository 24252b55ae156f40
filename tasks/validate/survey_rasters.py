"""What is looked at in a DEM, in further layers and in a terrain stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling

from tasks.contract.grid import Grid
from tasks.job import Artifact
from tasks.science.windows import Window, windows
from tasks.store.raster import open_geotiff, read_window
from tasks.validate import pictures
from tasks.validate.checks import Check, Row, spelled
from tasks.validate.dem import (
    BLOCK_CHECKS,
    SEAM_HALO_PX,
    Counts,
    block_counts,
    dem_checks,
    dem_row,
    seam_rows,
    seam_steps,
    shares,
    spatial,
)
from tasks.validate.drift import drift_checks, with_psi
from tasks.validate.layers import categorical_row, continuous_row, facts, layer_checks
from tasks.validate.stack import stack_checks, stack_rows
from tasks.validate.survey import PICTURE_PX, WINDOW_PX, Subject, Survey, Table, parts, preview, sample

BLOCK_PX = 64
MOST_BLOCKS = 400
WORST = 15


@dataclass(frozen=True)
class Block:
    """A block of a DEM: its cells, what they are, and the checks it does not hold."""

    window: Window
    row: Row
    failing: Sequence[Check]


def survey_dem(subject: Subject) -> Survey:
    """The DEM inside the region's bounds; around them it may be short."""
    dem, params, limits = subject.artifact, subject.params, subject.limits
    path, region = dem.file("dem.tif"), subject.window()
    with open_geotiff(path) as dataset:
        own = spatial(dataset.crs, abs(dataset.res[0]))
    blocks = windows(region.height, region.width, block_size(region))
    at = [block.shifted(region.row, region.col) for block in blocks]
    counts = [
        block_counts(_heights(path, block.grown(1)), own["cell_m"], limits["steep_deg"]) for block in at
    ]
    seams = seams_of(dem, region)
    row = {**dem_row(counts), **own, "seam_ratio": seams[0]["ratio"] if seams else None}
    rows, checks = [row], dem_checks(limits, params.crs, params.cell_m)
    if not seams:
        checks = [check for check in checks if check.column != "seam_ratio"]
    if before := subject.baseline:
        found = sample(before.file("dem.tif"), subject.window(before))[0], sample(path, region)[0]
        rows, checks = with_psi(rows, {"dem": found}), [*checks, *drift_checks(limits, dem.kind)]
    bad = [block for block in failing_blocks(rows[0], checks, at, counts) if block.failing]
    shown, cell_m = preview(path)
    drawn: dict[str, tuple[Figure, str]] = {}
    if bad:
        boxes = [(block.window, block.failing[0].title) for block in bad]
        factor = cell_m / own["cell_m"]
        caption = "Where it fails: the blocks that do not hold a check which the DEM as a whole does not hold"
        drawn["where.png"] = (pictures.blocks(shown[0], cell_m, factor, boxes), caption)
    drawn["terrain.png"] = (
        pictures.terrain(shown[0], cell_m, params.title),
        "Elevation over its hillshade, with the margin",
    )
    drawn["elevations.png"] = (
        pictures.histogram(shown[0], "elevation (m)"),
        "How often which elevation occurs",
    )
    tables = [block_table(bad, Grid.of(dem.properties)), seam_table(seams, dem), made_from(dem)]
    return Survey(rows, checks, drawn, [table for table in tables if table.rows])


def block_size(region: Window) -> int:
    """The side of a block: a multiple of BLOCK_PX with about MOST_BLOCKS blocks at most, bounded for memory."""
    size = BLOCK_PX
    while -(-region.height // size) * -(-region.width // size) > MOST_BLOCKS and size < WINDOW_PX:
        size += BLOCK_PX
    return size


def failing_blocks(
    row: Row, checks: Sequence[Check], at: Sequence[Window], counts: Sequence[Counts]
) -> list[Block]:
    """Every block with those checks it does not hold, among them that the DEM as a whole does not hold."""
    failing = [c for c in checks if c.name in BLOCK_CHECKS and not c.holds(row[c.column])]
    found = []
    for window, counted in zip(at, counts, strict=True):
        own = shares(counted)
        # a block without a cell has no share but the valid one
        judged = [c for c in failing if counted["valid"] or c.name == "valid_share"]
        found.append(Block(window, own, [c for c in judged if not c.holds(own[c.column])]))
    return found


def block_table(bad: Sequence[Block], grid: Grid) -> Table:
    """The worst blocks, and where they are."""
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)

    def line(block: Block) -> dict[str, Any]:
        window = block.window
        x = grid.left + (window.col + window.width / 2) * grid.cell_m
        y = grid.top - (window.row + window.height / 2) * grid.cell_m
        lon, lat = to_degrees.transform(x, y)
        side = f"{window.width * grid.cell_m:,.0f} x {window.height * grid.cell_m:,.0f} m"
        what = "; ".join(f"{c.title}: {spelled(block.row[c.column], c.unit)}" for c in block.failing)
        centre = {"easting": f"{x:.0f}", "northing": f"{y:.0f}"}
        return {"what": what, **centre, "latitude, longitude": f"{lat:.5f}, {lon:.5f}", "size": side}

    ranks: dict[str, int] = {}
    ranked = []  # so that the worst of every check come first
    for block in sorted(bad, key=lambda b: (_goodness(b), b.window.row, b.window.col)):
        name = block.failing[0].name
        ranks[name] = ranks.get(name, 0) + 1
        ranked.append((ranks[name], name, block))
    worst = [block for _, _, block in sorted(ranked, key=lambda one: one[:2])[:WORST]]
    title = f"Where it fails: the {len(worst)} worst of {len(bad)} blocks"
    return Table(title, [line(block) for block in worst], "Coordinates are of a block's centre.")


def _goodness(block: Block) -> float:
    first = block.failing[0]
    value = block.row[first.column]
    return float(value if first.low is not None else -value)


def seams_of(dem: Artifact, region: Window) -> list[Row]:
    """The borders between the products that a DEM was made from, the worst first."""
    if "sources.tif" not in dem.names:
        return []
    path, sources = dem.file("dem.tif"), dem.file("sources.tif")
    found = []
    for window in windows(region.height, region.width, WINDOW_PX):
        outer = window.shifted(region.row, region.col).grown(SEAM_HALO_PX)
        product = np.nan_to_num(_heights(sources, outer))
        found += list(seam_steps(_heights(path, outer), product))
    return seam_rows(found)


def seam_table(seams: Sequence[Row], dem: Artifact) -> Table:
    """The borders in words."""
    titles = {n: product["title"] for n, product in enumerate(dem.properties.get("products", []), 1)}
    rows = [
        {
            "between": " and ".join(str(titles.get(n, n)) for n in row["pair"]),
            "cells along it": row["cells"],
            "step at the border (m)": f"{row['border']:.3g}",
            "step beside it (m)": f"{row['beside']:.3g}",
            "times": f"{row['ratio']:.3g}",
        }
        for row in seams[:WORST]
    ]
    return Table("Borders between products", rows, "Medians along a border; 1 time is no seam at all.")


def made_from(dem: Artifact) -> Table:
    """The products."""
    rows = [
        {"product": p["title"], "published": p.get("published") or "unknown", "from": p["url"]}
        for p in dem.properties.get("products", [])
    ]
    return Table("Made from", rows)


def survey_stack(subject: Subject) -> Survey:
    """Every band, inside the region's bounds."""
    stack = subject.artifact
    path, names = stack.file("stack.tif"), tuple(stack.properties["bands"])
    rows, checks = stack_rows(parts(path, subject.window()), names), stack_checks(subject.limits)
    if before := subject.baseline:
        old = sample(before.file("stack.tif"), subject.window(before))
        new, accepted = sample(path, subject.window()), list(before.properties["bands"])
        both = {name: (old[accepted.index(name)], new[n]) for n, name in enumerate(names) if name in accepted}
        rows, checks = with_psi(rows, both), [*checks, *drift_checks(subject.limits, subject.artifact.kind)]
    shown, _ = preview(path, PICTURE_PX // 2)
    drawn = {"bands.png": (pictures.bands(shown, names, stack.properties.get("units", {})), "The bands")}
    ranges = [
        {"band": row["item"], "lowest": spelled(row["low"]), "highest": spelled(row["high"]), **_change(row)}
        for row in rows
    ]
    return Survey(rows, checks, drawn, [Table("Ranges", ranges)])


def survey_layers(subject: Subject) -> Survey:
    """Every layer, inside the region's bounds."""
    layers, region = subject.artifact.properties["layers"], subject.window()
    rows, both, shown = [], {}, []
    for name, about in sorted(layers.items()):
        path, categorical = subject.artifact.file(f"{name}.tif"), about["type"] == "categorical"
        cells = (part[0] for part in parts(path, region))
        rows.append(
            categorical_row(name, cells, about["classes"]) if categorical else continuous_row(name, cells)
        )
        image, _ = preview(path, PICTURE_PX // 2, Resampling.nearest if categorical else Resampling.average)
        shown.append(_known(image[0], categorical))
        before = subject.baseline
        accepted = before.properties["layers"].get(name) if before else None
        if before and accepted and all(accepted.get(key) == about.get(key) for key in ("type", "classes")):
            old = sample(before.file(f"{name}.tif"), subject.window(before))[0]
            both[name] = (_known(old, categorical), _known(sample(path, region)[0], categorical))
    checks = layer_checks(subject.limits, rows)
    if both:
        rows, checks = with_psi(rows, both), [*checks, *drift_checks(subject.limits, subject.artifact.kind)]
    names = tuple(row["item"] for row in rows)
    units = {name: str(about.get("units") or "") for name, about in layers.items()}
    drawn = {
        "layers.png": (pictures.bands(np.stack(shown), names, units), "The layers; of classes, their codes")
    }
    table = Table("Layers", [{**facts(row, layers[row["item"]]), **_change(row)} for row in rows])
    return Survey(rows, checks, drawn, [table])


def _known(cells: NDArray[np.float32], categorical: bool) -> NDArray[np.float32]:
    return np.where(cells == 0, np.float32(np.nan), cells) if categorical else cells


def _change(row: Row) -> dict[str, str]:
    return {"change (PSI)": spelled(row["psi"])} if "psi" in row else {}


def _heights(path: Path, window: Window) -> NDArray[np.float32]:
    heights: NDArray[np.float32] = read_window(path, window.row, window.col, window.height, window.width)[0]
    return heights

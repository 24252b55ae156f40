"""What is looked at in an inventory and in tiles."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib.figure import Figure

from tasks.contract.grid import Grid
from tasks.job import Artifact
from tasks.science.tile_index import read_index
from tasks.validate import drift, pictures
from tasks.validate.checks import spelled
from tasks.validate.inventory import date_check, inventory_checks, inventory_rows, suspects
from tasks.validate.mask_tiles import SPLITS, apart_checks, blocks, leakage_px, split_checks, split_rows
from tasks.validate.stack_tiles import tile_checks, tile_rows
from tasks.validate.survey import Subject, Survey, Table, preview

CLEANED = {
    "read": "read",
    "repaired": "rings repaired",
    "z_removed": "heights removed",
    "empty": "without area",
    "duplicates": "duplicates",
    "slivers": "slivers",
    "outside": "outside the region",
    "kept": "kept",
    "left_out": "left out by the where clause",
}
SHOWN = 30  # lines of a list of polygons


def survey_inventory(subject: Subject) -> Survey:
    """The polygons and the mapped extent; drawn over the DEM where one is given."""
    inventory, params, limits = subject.artifact, subject.params, subject.limits
    table = gpd.read_parquet(inventory.file("inventory.parquet"))
    extent = gpd.read_parquet(inventory.file("extent.parquet"))
    mapped = shapely.union_all(extent.geometry.array)
    terrain: dict[str, Any] = subject.backdrop.properties.get("terrain_dates", {}) if subject.backdrop else {}
    newest = str(terrain.get("newest") or "")
    dated = bool(newest) and "date" in table and bool(table["date"].notna().any())
    rows = inventory_rows(table, mapped, params.targets, newest if dated else "")
    checks = inventory_checks(limits, params.crs, params.cell_m, params.targets)
    checks += [date_check(limits, newest)] if dated else []
    heights, cell_m, box = None, params.cell_m, tuple(extent.total_bounds)
    if subject.backdrop:
        shown, cell_m = preview(subject.backdrop.file("dem.tif"))
        heights, box = shown[0], Grid.of(subject.backdrop.properties).bounds
    drawn: dict[str, tuple[Figure, str]] = {}
    drawn["inventory.png"] = (
        pictures.polygons(table, extent, heights, cell_m, box),
        "Landslides and the mapped extent",
    )
    areas = pictures.histogram(table.area.to_numpy(), "area of a polygon (m²)", log=True)
    tables, files = [], {}
    failing = {c.name for c in checks if not all(c.holds(row[c.column]) for row in rows)}
    tables.append(Table("Polygons to look at", suspects(table, mapped, failing, limits, newest)))
    if subject.baseline:
        before = gpd.read_parquet(subject.baseline.file("inventory.parquet"))
        changed = drift.differences(before, table)
        by_target = drift.change_rows(before, table, changed)
        for row in rows:
            found = by_target.get(row["item"])
            row["shrink_share"] = drift.shrunk(found) if found else None
        checks.append(drift.shrink_check(limits))
        summary = {
            "subject": inventory.digest,
            "baseline": subject.baseline.digest,
            "targets": by_target,
        }
        text = json.dumps(summary, indent=1, sort_keys=True)
        files["differences.json"] = lambda path: path.write_text(text, encoding="utf-8")
        files["differences.parquet"] = lambda path: changed.to_parquet(path)
        if len(changed):
            caption = "What changed since the accepted inventory"
            drawn["differences.png"] = (
                pictures.differences(changed, extent, heights, cell_m, box),
                caption,
            )
        tables += difference_tables(by_target, changed)
    drawn["areas.png"] = (areas, "How often which size occurs")
    changes = json.loads(inventory.file("changes.json").read_text())["targets"]
    counted = [name for name in CLEANED if any(name in counts for counts in changes.values())]
    cleaned = [
        {"target": target, **{CLEANED[name]: counts.get(name, 0) for name in counted}}
        for target, counts in sorted(changes.items())
    ]
    tables.append(Table("What the clean-up did", cleaned))
    return Survey(rows, checks, drawn, [one for one in tables if one.rows], files)


def difference_tables(by_target: dict[str, Any], changed: gpd.GeoDataFrame) -> list[Table]:
    """Counts and areas by target, then the polygons themselves, the largest first."""
    summary = [
        {
            "target": target,
            **{name: row[name] for name in ("before", "after", "added", "removed", "reshaped")},
            "area before (m²)": f"{row['area_before_m2']:,.0f}",
            "area (m²)": f"{row['area_m2']:,.0f}",
        }
        for target, row in by_target.items()
    ]
    size = changed[["area_before_m2", "area_m2"]].max(axis=1).to_numpy(float)
    largest = changed.iloc[np.argsort(-size, kind="stable")[:SHOWN]]
    polygons = [
        {
            "polygon": one.id,
            "target": one.target,
            "change": one.change,
            "area before (m²)": spelled(one.area_before_m2),
            "area (m²)": spelled(one.area_m2),
            "easting": f"{one.geometry.centroid.x:.0f}",
            "northing": f"{one.geometry.centroid.y:.0f}",
        }
        for one in largest.itertuples()
    ]
    note = f"All {len(changed):,} are in differences.parquet." if len(changed) > SHOWN else ""
    return [
        Table("Since the accepted inventory", summary),
        Table("Polygons that changed, the largest first", polygons, note),
    ]


def partition(tiles: Artifact) -> pd.DataFrame:
    """The index of the tiles that cover the region once, with row and column counted in tiles."""
    index = pd.DataFrame(read_index(tiles.file("index.parquet")))
    px = tiles.properties["tile_px"]
    return index[~index["extra"]].assign(row=index["row_px"] // px, col=index["col_px"] // px)


def expected_splits(tiles: Artifact) -> tuple[str, ...]:
    """All splits, or the one that a region is held out for."""
    held_out = tiles.properties.get("hold_out")
    return (held_out,) if held_out else SPLITS


def survey_mask_tiles(subject: Subject) -> Survey:
    """Every split, and how they lie to each other."""
    masks, limits = subject.artifact, subject.limits
    index = partition(masks)
    tiles = np.load(masks.file("tiles.npy"), mmap_mode="r", allow_pickle=False)[: len(index)]
    buffer_px = masks.properties["buffer_px"]
    apart, counted = leakage_px(tiles, index), blocks(index)
    rows = [
        {**row, "leakage_px": apart.get(row["item"]), "blocks": counted[row["item"]]}
        for row in split_rows(tiles, index["split"])
    ]
    checks = split_checks(limits, expected_splits(masks)) + apart_checks(limits, buffer_px)
    if subject.baseline:
        rates = subject.baseline.properties["base_rate"]
        rows = [
            {**row, "rate_change": drift.rate_change(rates.get(row["item"]), row["base_rate"])}
            for row in rows
        ]
        checks += drift.rate_checks(limits)
    drawn = {"splits.png": (pictures.split_map(index), "Where the model learns, is tuned and is judged")}
    facts = [
        {
            "split": row["item"],
            "tiles": row["tiles"],
            "landslide cells": row["positive_cells"],
            "landslide share": f"{100 * row['base_rate']:.3g} %",
            "blocks": row["blocks"],
            "cells to another split": row["leakage_px"],
        }
        for row in rows
    ]
    side, px = masks.properties["block_tiles"], masks.properties["tile_px"]
    note = f"A block is {side} x {side} tiles of {px} cells, and {buffer_px} cells are kept between splits."
    if reason := masks.properties.get("buffer_reason"):
        note += f" That is less than the network sees: {reason}"
    return Survey(rows, checks, drawn, [Table("Splits", facts, note)])


def survey_stack_tiles(subject: Subject) -> Survey:
    """How much of the tiles of every split is known."""
    index = partition(subject.artifact)
    rows = tile_rows(index)
    drawn = {
        "valid.png": (
            pictures.tile_map(index, "valid_share", "share of cells with all bands"),
            "How much of every tile is known",
        )
    }
    facts = [
        {
            "split": row["item"],
            "tiles": row["tiles"],
            "known": f"{100 * row['valid_share']:.4g} %",
            "tiles without any": f"{100 * row['empty_share']:.4g} %",
        }
        for row in rows
    ]
    checks = tile_checks(subject.limits, expected_splits(subject.artifact))
    return Survey(rows, checks, drawn, [Table("Splits", facts)])

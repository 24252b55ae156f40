"""From cells to polygons and to the inventory's rows. Every polygon holds exactly the centres of its own cells."""

from __future__ import annotations

from itertools import pairwise

import contourpy
import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from rasterio import Affine
from scipy import ndimage
from shapely import Polygon

from infra.sample.landslides import Mask, Slide
from infra.sample.noise import rng_of

_DRAWN, _SUPERSEDED = 30, 31
_LEAST_PATCH_M2 = 4000.0
_DAY_MS = 86_400_000
_CREATED_MS = 1_488_326_400_000  # 1 March 2017
_INIT_TYPES = ("rs", "ef", "df")


def outline(mask: Mask, transform: Affine) -> list[Polygon]:
    """Smooth polygons around the True cells: one for each connected part, holes kept."""
    padded = np.pad(mask, 2)
    soft = ndimage.gaussian_filter(padded.astype(np.float64), 0.8) - 0.5
    # Kept away from zero, so that no cell centre changes sides.
    signed = np.where(padded, np.maximum(soft, 0.15), np.minimum(soft, -0.15))
    rows, cols = padded.shape
    x = transform.c + transform.a * (np.arange(cols) - 1.5)
    y = transform.f + transform.e * (np.arange(rows) - 1.5)
    lines = contourpy.contour_generator(x, y, signed, fill_type="OuterOffset").filled(0.0, 10.0)
    return [
        Polygon(rings[0], rings[1:])
        for points, offsets in zip(*lines, strict=True)
        for rings in [[points[a:b] for a, b in pairwise(offsets)]]
    ]


def slide_outline(
    numbers: NDArray[np.uint32], number: int, window: tuple[slice, slice], transform: Affine
) -> Polygon:
    """Outline of the cells of one slide; `window` must hold all of them."""
    corner = transform @ Affine.translation(window[1].start, window[0].start)
    return max(outline(numbers[window] == number, corner), key=lambda polygon: polygon.area)


def inventory_rows(
    slides: dict[int, Slide], polygons: dict[int, Polygon], crs: str, seed: int, part: int
) -> GeoDataFrame:
    """Rows of one layer in the fashion of the California Geological Survey; `part` tells the layers' streams apart."""
    numbers = list(polygons)
    rng = rng_of(seed, _DRAWN, part)
    drawn = rng.integers(0, 1400, len(numbers))
    created = _CREATED_MS + np.array([30 * n for n in numbers], dtype=np.int64) % 400 * _DAY_MS
    rows = GeoDataFrame(
        {
            "ls_id": [f"Smpl{n:04d}" for n in numbers],
            "activity": [_activity(slides[n].age) for n in numbers],
            "init_type": [_init_type(slides[n]) for n in numbers],
            "confidence": [_confidence(slides[n].age) for n in numbers],
            "thickness": [round(0.04 * slides[n].width_m, 1) for n in numbers],
            "dir_mvmt": [round(float(np.degrees(slides[n].bearing)) % 360.0, 0) for n in numbers],
            "map_year": [2017] * len(numbers),
            "data_class": ["A"] * len(numbers),
            "superseded": ["N"] * len(numbers),
            "creation_date": created,
            "last_edited_date": created + drawn * _DAY_MS,
        },
        geometry=list(polygons.values()),
        crs=crs,
    )
    return _numbered(rows)


def with_superseded(
    rows: GeoDataFrame, extent: Polygon, seed: int, part: int, share: float = 0.03
) -> GeoDataFrame:
    """Add older, coarser outlines of a few slides, marked superseded: they are on record, and wrong."""
    rng = rng_of(seed, _SUPERSEDED, part)
    old = rows.iloc[np.sort(rng.choice(len(rows), max(2, round(share * len(rows))), replace=False))].copy()
    shift = rng.uniform(60.0, 140.0, (len(old), 2)) * rng.choice([-1.0, 1.0], (len(old), 2))
    shapes = [
        shapely.transform(shape.simplify(25.0).buffer(20.0, quad_segs=2), lambda xy, by=by: xy + by)
        for shape, by in zip(old.geometry, shift, strict=True)
    ]
    old = old.set_geometry(shapes, crs=rows.crs)
    old["superseded"], old["map_year"], old["confidence"] = "Y", 1986, "p"
    old = old[old.within(extent)]
    return _numbered(GeoDataFrame(pd.concat([rows, old]), crs=rows.crs))


def patches(kinds: dict[str, Mask], transform: Affine, crs: str, extent: Polygon) -> GeoDataFrame:
    """Polygons of the confusers in the extent, the smallest left out."""
    found = [(kind, shape) for kind, mask in kinds.items() for shape in outline(mask, transform)]
    found = [(kind, shape) for kind, shape in found if shape.area >= _LEAST_PATCH_M2]
    rows = GeoDataFrame(
        {"kind": [kind for kind, _ in found]}, geometry=[shape for _, shape in found], crs=crs
    )
    return _numbered(rows[rows.within(extent)].reset_index(drop=True))


def _numbered(rows: GeoDataFrame) -> GeoDataFrame:
    rows = rows.drop(columns="OBJECTID", errors="ignore").reset_index(drop=True)
    rows.insert(0, "OBJECTID", np.arange(1, len(rows) + 1))
    return rows


def _activity(age: float) -> str:
    return "historic" if age < 0.25 else "dormant young" if age < 0.6 else "dormant mature"


def _init_type(slide: Slide) -> str:
    return (
        _INIT_TYPES[0] if slide.length_m < 2.0 * slide.width_m else _INIT_TYPES[1 if slide.age > 0.3 else 2]
    )


def _confidence(age: float) -> str:
    """Old slides are worn and doubtful: definite, probable, questionable."""
    return "d" if age < 0.6 else "p" if age < 0.85 else "q"

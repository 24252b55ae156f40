"""How much an artifact differs from the one accepted before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from tasks.validate.checks import SHARE, WARN, Check, Row

BINS = 10
FEW_VALUES = 10  # a band of so few (a class) has a bin for each
IN_FORM = ("dem", "inventory")  # what the ingest form can accept
EMPTY = 1e-4  # the share of a bin without cells
COLUMNS = ["id", "target", "change", "area_before_m2", "area_m2", "geometry"]


def psi(before: NDArray[Any], after: NDArray[Any]) -> float | None:
    """Population stability index of two samples, in the deciles of the first; NaN is left out.

    Below 0.1 there is no change to speak of, above 0.25 the model sees other values than it learned from.
    """
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if not before.size or not after.size:
        return None
    values = np.unique(before)
    if len(values) <= FEW_VALUES:
        edges = np.concatenate([[values[0] - 1e-6], (values[1:] + values[:-1]) / 2, [values[-1] + 1e-6]])
    else:
        edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = []
    for sample in (before, after):
        counts = np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1)
        shares.append(np.maximum(counts / sample.size, EMPTY))
    old, new = shares
    return float(((new - old) * np.log(new / old)).sum())


def drift_checks(limits: Mapping[str, float], kind: str) -> list[Check]:
    """The index of every row, at two levels."""
    title = "Change of the values since the accepted one (population stability index)"
    advice = (
        Check.advice if kind in IN_FORM else f"raise psi_fail under [validation.{kind}] in the region's file"
    )
    return [
        Check("drift", title, "psi", high=limits["psi_fail"], waivable=True, advice=advice),
        Check("drift_warning", title + ", early warning", "psi", high=limits["psi_warn"], level=WARN),
    ]


def differences(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Polygons that were added, removed or reshaped, known by target and id; of removed ones the old shape."""
    old, new = (_shapes(table) for table in (before, after))
    both = old.add_suffix("_before").join(new, how="outer").sort_index()
    was, now = (_or_none(both[name]) for name in ("geometry_before", "geometry"))
    gone, fresh = shapely.is_missing(now), shapely.is_missing(was)
    same = ~gone & ~fresh & (both["shape_before"] == both["shape"]).to_numpy()
    change = np.where(gone, "removed", np.where(fresh, "added", "reshaped"))
    rows = pd.DataFrame(
        {
            "id": both.index.get_level_values("id"),
            "target": both.index.get_level_values("target"),
            "change": change,
            "area_before_m2": shapely.area(was),
            "area_m2": shapely.area(now),
            "geometry": np.where(gone, was, now),
        }
    )
    return gpd.GeoDataFrame(rows[~same][COLUMNS].reset_index(drop=True), geometry="geometry", crs=after.crs)


def _or_none(column: pd.Series[Any]) -> NDArray[Any]:
    return column.where(column.notna(), None).to_numpy(object)


def _shapes(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """Geometry and its hash by target and id."""
    shapes = np.asarray(table.geometry.array)
    frame = pd.DataFrame(
        {"target": table["target"].astype(str).to_numpy(), "id": table["id"].astype(str).to_numpy()}
    )
    frame["geometry"] = pd.Series(list(shapes), dtype=object)
    frame["shape"] = shapely.to_wkb(shapely.normalize(shapely.set_precision(shapes, 0.001, mode="pointwise")))
    return frame.drop_duplicates(["target", "id"]).set_index(["target", "id"])


def change_rows(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, changed: gpd.GeoDataFrame
) -> dict[str, Row]:
    """By target: how many polygons and how much area there were, are, and what became of them."""
    rows = {}
    for target in sorted({*before["target"], *after["target"]}):
        old, new = (table[table["target"] == target] for table in (before, after))
        kinds = changed["change"][changed["target"] == target].value_counts()
        counts = {name: int(kinds.get(name, 0)) for name in ("added", "removed", "reshaped")}
        areas = {
            "area_before_m2": round(float(old.area.sum()), 1),
            "area_m2": round(float(new.area.sum()), 1),
        }
        rows[str(target)] = {"before": len(old), "after": len(new), **counts, **areas}
    return rows


def shrunk(row: Row) -> float:
    """By how much the count or the area of a target fell, whichever fell more; 0 when neither did."""
    pairs = ((row["before"], row["after"]), (row["area_before_m2"], row["area_m2"]))
    return max(0.0, *(1 - new / old for old, new in pairs if old), 0.0)


def shrink_check(limits: Mapping[str, float]) -> Check:
    """An inventory does not lose much at once: a service that answers with half of it looks like that."""
    title = "Polygons or area lost since the accepted inventory"
    return Check("shrank", title, "shrink_share", high=limits["shrink_share_max"], unit=SHARE, waivable=True)


def rate_change(before: float | None, after: float) -> float | None:
    """How many times larger or smaller, less one: 0 is no change, 1 is twice or half."""
    if not before or not after:
        return None
    return max(after / before, before / after) - 1


def rate_checks(limits: Mapping[str, float]) -> list[Check]:
    """The base rate of every split, at two levels."""
    title = "Change of the landslide share since the accepted tiles"
    advice = "raise rate_change_fail under [validation.mask-tiles] in the region's file"
    return [
        Check(
            "rate_change",
            title,
            "rate_change",
            high=limits["rate_change_fail"],
            unit=SHARE,
            waivable=True,
            advice=advice,
        ),
        Check(
            "rate_change_warning",
            title + ", early warning",
            "rate_change",
            high=limits["rate_change_warn"],
            unit=SHARE,
            level=WARN,
        ),
    ]


def with_psi(rows: Sequence[Row], samples: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> list[Row]:
    """The rows with the index of those items that have a sample of both."""
    return [{**row, "psi": psi(*samples[row["item"]]) if row["item"] in samples else None} for row in rows]

"""What further layers (soil, lithology, climate, vegetation) say about their quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.validate.checks import COUNT, SHARE, WARN, Check, Row

UNKNOWN = 0  # the code of a categorical layer's unknown cells


def continuous_row(name: str, parts: Iterable[NDArray[np.float32]]) -> Row:
    """Statistics of a layer of measured values given in parts; NaN is nodata."""
    cells = known = infinite = 0
    low, high = np.inf, -np.inf
    for part in parts:
        cells, infinite = cells + part.size, infinite + int(np.isinf(part).sum())
        finite = part[np.isfinite(part)]
        known += finite.size
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return {
        **_row(name, known, cells, varies=high > low),
        "strays": infinite,
        "classes_missing": None,
        "low": low if known else None,
        "high": high if known else None,
    }


def categorical_row(name: str, parts: Iterable[NDArray[np.float32]], classes: Sequence[str]) -> Row:
    """Statistics of a layer of codes given in parts: 0 (or NaN) unknown, 1.. index into `classes`."""
    cells = 0
    counts: NDArray[np.int64] = np.zeros(2**16, np.int64)
    for part in parts:
        cells += part.size
        counts += np.bincount(np.nan_to_num(part).astype(np.uint16).ravel(), minlength=2**16)
    known = cells - int(counts[UNKNOWN])
    seen = [label for code, label in enumerate(classes, 1) if counts[code]]
    return {
        **_row(name, known, cells, varies=len(seen) > 1),
        "strays": int(counts[len(classes) + 1 :].sum()),
        "classes_missing": len(classes) - len(seen),
        "low": None,
        "high": None,
        "missing": [label for label in classes if label not in seen],
        "shares": {label: int(counts[code]) / max(known, 1) for code, label in enumerate(classes, 1)},
    }


def _row(name: str, known: int, cells: int, *, varies: bool) -> Row:
    return {"item": name, "valid_share": known / max(cells, 1), "varies": bool(varies)}


def layer_checks(limits: Mapping[str, float], rows: Sequence[Row]) -> list[Check]:
    """What is expected of layers."""
    checks = [
        Check("valid_share", "Cells with a value", "valid_share", limits["valid_share_min"], unit=SHARE),
        Check("varies", "The layer varies", "varies", among=[True]),
        Check("strays", "Cells that are infinite or of no listed class", "strays", high=0, unit=COUNT),
    ]
    if any(row["classes_missing"] is not None for row in rows):
        title = "Listed classes that the region does not have"
        most = limits["classes_missing_max"]
        checks.append(Check("classes", title, "classes_missing", high=most, unit=COUNT, level=WARN))
    return checks


def facts(row: Row, layer: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the page's table."""
    if layer["type"] == "categorical":
        ranking = sorted(row["shares"].items(), key=lambda item: -item[1])
        holds = ", ".join(f"{label} {100 * share:.3g} %" for label, share in ranking[:12] if share)
        holds += f"; not seen: {', '.join(row['missing'])}" if row["missing"] else ""
    elif row["low"] is None:
        holds = "no value"
    else:
        holds = f"{row['low']:.4g} to {row['high']:.4g} {layer.get('units', '')}".strip()
    return {
        "layer": row["item"],
        "type": layer["type"],
        "holds": holds,
        "from": layer.get("attribution") or layer.get("title") or "",
    }

"""A contact sheet: tiles beside their masks, and the twins of those that have one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

UNKNOWN = 255
POSITIVE, NOT_KNOWN = to_rgba("#d7301f", 0.55), to_rgba("#2171b5", 0.5)
SHOWN = {"train": 6, "validation": 2, "test": 2}
COLUMNS = ("tile", "its mask", "augmented twin", "the twin's mask")


def chosen(index: Mapping[str, NDArray[Any]], sources: NDArray[np.int64]) -> list[int]:
    """Tiles to show: of every split those with the most positives, and of training as many without, where there are."""
    shown: list[int] = []
    for split, count in SHOWN.items():
        here = sources if split == "train" else np.flatnonzero((index["split"] == split) & ~index["extra"])
        here = here[np.argsort(-index["positive_share"][here], kind="stable")]
        least = count // 3 if split == "train" else 0
        shown += [*here[: count - least].tolist(), *here[max(count - least, len(here) - least) :].tolist()]
    return shown


def sheet(
    images: NDArray[np.float32],
    masks: NDArray[np.uint8],
    index: Mapping[str, NDArray[Any]],
    image_twins: NDArray[np.float32],
    mask_twins: NDArray[np.uint8],
    sources: NDArray[np.int64],
    shown: Sequence[int],
    bands: Sequence[str],
    title: str,
) -> Figure:
    """A row for each tile `shown`; images (N, t, t, C) by their slope, or their first band, in grey."""
    band = "slope" if "slope" in bands else bands[0]
    at = list(bands).index(band)
    twin_of = {int(tile): place for place, tile in enumerate(sources)}
    figure = Figure(figsize=(7.2, 1.75 * len(shown) + 1.0), dpi=100, layout="constrained")
    axes = figure.subplots(len(shown), len(COLUMNS), squeeze=False)
    for axis, name in zip(axes[0], COLUMNS, strict=True):
        axis.set_title(name, fontsize="medium")
    for line, tile in zip(axes, shown, strict=True):
        image = images[tile, ..., at]
        known = image[~np.isnan(image)]
        low, high = np.percentile(known, (1, 99)) if len(known) else (0.0, 1.0)
        panels = [(image, masks[tile])]
        if tile in twin_of:
            panels.append((image_twins[twin_of[tile], ..., at], mask_twins[twin_of[tile]]))
        for (grey, mask), place in zip(panels, (0, 2), strict=False):
            draw(line[place], grey, None, low, high)
            draw(line[place + 1], grey, mask, low, high)
        for axis in line[2 * len(panels) :]:
            axis.text(0.5, 0.5, "has no twin", ha="center", va="center", color="#777777", fontsize="small")
            axis.set_axis_off()
        line[0].set_ylabel(f"tile {tile}\n{index['split'][tile]}", fontsize="small")
    patches = [
        Patch(facecolor=POSITIVE, label="positive"),
        Patch(facecolor=NOT_KNOWN, label="unknown: counts nowhere"),
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=2, fontsize="small", frameon=False)
    figure.suptitle(f"{title}: {band}, dark is high", fontsize="medium")
    return figure


def draw(
    axis: Axes, grey: NDArray[np.float32], mask: NDArray[np.uint8] | None, low: float, high: float
) -> None:
    """One tile, its mask over it."""
    axis.imshow(grey, cmap="gray_r", vmin=low, vmax=high)
    axis.set_xticks([])
    axis.set_yticks([])
    if mask is not None:
        overlay = np.zeros((*mask.shape, 4))
        overlay[mask == 1] = POSITIVE
        overlay[mask == UNKNOWN] = NOT_KNOWN
        axis.imshow(overlay)

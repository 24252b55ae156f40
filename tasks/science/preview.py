"""Pictures of a map beside the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

UNKNOWN = 255
PREDICTED, TRUE, NOT_MAPPED = "#d7301f", "#08589e", "#252525"
LONGEST_PX = 2400


def draw(
    hillshade: NDArray[np.float32],
    probability: NDArray[np.float32],
    threshold: float,
    truth: NDArray[np.uint8] | None,
    title: str,
) -> Figure:
    """Hillshade, prediction over it, truth over it (left out when None); all arrays (H, W), probability NaN unknown.

    Save it with `figure.savefig(path)`. Large rasters are thinned to LONGEST_PX cells along the longer side.
    """
    step = -(-max(hillshade.shape) // LONGEST_PX)
    shade = hillshade[::step, ::step]
    probability = probability[::step, ::step]
    predicted = np.where(np.isnan(probability), UNKNOWN, probability >= threshold)
    panels: list[tuple[str, NDArray[Any] | None, str]] = [
        ("hillshade", None, ""),
        (f"prediction, probability ≥ {threshold:.2f}", predicted, PREDICTED),
    ]
    if truth is not None:
        panels.append(("truth", truth[::step, ::step], TRUE))
    height, width = shade.shape
    figure = Figure(figsize=(4.6 * len(panels), 4.6 * height / width + 0.7), dpi=150, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (name, mask, colour) in zip(axes, panels, strict=True):
        _panel(axis, shade, name, mask, colour)
    figure.suptitle(title)
    return figure


def _panel(axis: Axes, shade: NDArray[np.float32], name: str, mask: NDArray[Any] | None, colour: str) -> None:
    axis.imshow(shade, cmap="gray", vmin=0.0, vmax=1.0)
    axis.set_title(name, fontsize="medium")
    axis.set_axis_off()
    if mask is None:
        return
    overlay = np.zeros((*mask.shape, 4))
    overlay[mask == 1] = to_rgba(colour, 0.65)
    overlay[mask == UNKNOWN] = to_rgba(NOT_MAPPED, 0.35)
    axis.imshow(overlay)
    if (mask == UNKNOWN).any():
        patch = Patch(facecolor=to_rgba(NOT_MAPPED, 0.35), label="unknown")
        axis.legend(handles=[patch], loc="lower right", fontsize="small")

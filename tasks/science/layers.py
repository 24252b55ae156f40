"""A region's layers (soil, rock, land cover) beside its grid, as the properties of a layers artifact name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.contract.errors import GridMismatch
from tasks.contract.grid import Grid


def layers_margin(layers: Mapping[str, Any], grid: Grid) -> int:
    """How many cells the layers reach beyond `grid`, on which they have to be; else `GridMismatch`."""
    margin = int(layers["margin_px"])
    found = Grid.of(layers).padded(-margin)
    if found != grid:
        raise GridMismatch(
            f"the layers are on {found}, expected {grid}; run ingest_layers for the region again"
        )
    return margin


def class_codes(layers: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Every class of the categorical layers as `layer=class`, with the layer and the code of the class in it."""
    return {
        f"{layer}={label}": (layer, code)
        for layer, about in layers["layers"].items()
        for code, label in enumerate(about.get("classes", ()), 1)
    }

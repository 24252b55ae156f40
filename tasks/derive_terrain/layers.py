"""Bands that are layers: a continuous one by its name (`precipitation`), a class as `rock=shale`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract.errors import BadData, InvalidParams
from tasks.derive_terrain.bands import Band, known_names

Layers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class LayerBand:
    """One band that a layer gives; `code` is that of the class, 0 for a continuous layer."""

    name: str
    layer: str
    units: str
    description: str
    code: int = 0

    reach = 0

    def of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The band of the layer's values or codes (NaN is unknown, and stays so); a class is 1, any other 0."""
        if not self.code:
            return values
        return np.where(np.isnan(values), np.float32(np.nan), (values == self.code).astype(np.float32))


AnyBand = Band | LayerBand


def layer_bands(layers: Layers) -> dict[str, LayerBand]:
    """Every band that layers can give, by name; `layers` are the properties of a layers artifact."""
    found = {}
    for layer, about in layers.items():
        title = about.get("title") or layer
        if about["type"] == "continuous":
            found[layer] = LayerBand(layer, layer, about.get("units", ""), title)
            continue
        for code, label in enumerate(about["classes"], 1):
            name = f"{layer}={label}"
            found[name] = LayerBand(name, layer, "1", f"{title}: 1 where {label}, else 0", code)
    return found


def band_named(name: str, given: Mapping[str, LayerBand]) -> AnyBand:
    """The terrain band or the layer's band of that name; `InvalidParams` when there is none."""
    try:
        terrain = Band.named(name)
    except InvalidParams:
        if name in given:
            return given[name]
        raise InvalidParams(
            f"there is no band {name!r}; bands.toml may name {known_names()} (N cells), and of the region's layers "
            f"{', '.join(given) or 'none: it has no accepted layers'}"
        ) from None
    if name in given:
        raise BadData(f"the layer {name!r} has the name of a terrain band; rename it in the region's file")
    return terrain

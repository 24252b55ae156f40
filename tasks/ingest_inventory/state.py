"""What the source holds now, asked before the key: edit dates and counts by layer, or what a file is known by."""

from __future__ import annotations

from typing import Any

from tasks.ingest_inventory.arcgis import open_layer, poll
from tasks.ingest_inventory.spec import Params, both
from tasks.sources.files import state_of
from tasks.sources.http import ask


def state(params: Params) -> dict[str, Any]:
    """The state of every layer the region names, and of the file its extent comes from."""
    source = params.source
    found: dict[str, Any] = {}
    if source.extent_path:
        found["extent_path"] = state_of(source.extent_path)
    if source.source == "file":
        return {**found, "path": state_of(source.path)}
    layers = [(target.layer, both(source.where, target.where)) for _, target in source.targets]
    layers += [(source.extent_layer, source.extent_where)] if source.extent_layer != "" else []
    found["layers"] = [
        poll(ask, open_layer(ask, source.url, layer, params.bounds, params.epsg, where))
        for layer, where in layers
    ]
    return found

"""What the source holds now, asked before the key: edit dates and counts by layer, or digests of files."""

from __future__ import annotations

from typing import Any

from tasks.ingest_inventory.arcgis import open_layer, poll
from tasks.ingest_inventory.spec import Params
from tasks.sources.local import file_state
from tasks.sources.service import ask


def state(params: Params) -> dict[str, Any]:
    """The state of every layer the region names, and of the file its extent comes from."""
    source = params.source
    found: dict[str, Any] = {}
    if source.extent_path:
        found["extent_path"] = file_state(source.extent_path)
    if source.source == "file":
        return {**found, "path": file_state(source.path)}
    layers = [(layer, source.where) for _, layer in source.targets]
    layers += [(source.extent_layer, "")] if source.extent_layer != "" else []
    found["layers"] = [
        poll(ask, open_layer(ask, source.url, layer, params.bounds, params.epsg, where))
        for layer, where in layers
    ]
    return found

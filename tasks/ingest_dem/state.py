"""What the source holds now, asked before the key: products by id and date, or a file's digest."""

from __future__ import annotations

from typing import Any

from tasks.ingest_dem.spec import Params
from tasks.ingest_dem.tnm import products
from tasks.ingest_dem.utm import lonlat_box
from tasks.sources.local import file_state
from tasks.sources.service import ask


def state(params: Params) -> dict[str, Any]:
    """The products to fetch, newest per cell; or the file's sha256."""
    source = params.source
    if source.source == "file":
        return file_state(source.path)
    bounds = params.grid.padded(params.margin_px).bounds
    area = source.lonlat or lonlat_box(params.grid.crs, bounds)
    return {"products": products(ask, source.url, source.dataset, area)}  # type: ignore[arg-type]

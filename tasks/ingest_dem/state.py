"""What the source holds now, asked before the key: products by id and date, or a file's digest."""

from __future__ import annotations

from typing import Any

from tasks.ingest_dem.spec import PRODUCTS, Params
from tasks.ingest_dem.tnm import Pin, products
from tasks.ingest_dem.utm import lonlat_box
from tasks.sources.files import state_of
from tasks.sources.http import ask


def state(params: Params) -> dict[str, Any]:
    """The products to fetch, those to use first; or what tells one content of a file from another."""
    source = params.source
    if source.source == "file":
        return state_of(source.path)
    bounds = params.grid.padded(params.margin_px).bounds
    area = source.lonlat or lonlat_box(params.grid.crs, bounds)
    pin = Pin(source.published_until, frozenset(source.products))
    partial = source.product == "1 meter"  # a project's tiles end where its survey does, others fill them up
    found = products(ask, source.url, PRODUCTS[source.product], area, pin, partial=partial)  # type: ignore[arg-type]
    return {"products": found}

"""What the files of the layers hold now, asked before the key."""

from __future__ import annotations

from typing import Any

from tasks.ingest_layers.spec import Params
from tasks.sources.files import state_of


def state(params: Params) -> dict[str, Any]:
    """The state of each address; layers of one file ask once."""
    return {address: state_of(address) for address in sorted({layer.path for layer in params.layers})}

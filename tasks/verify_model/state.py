"""Which version the model server has as its canary: what is verified. Standard library only."""

from __future__ import annotations

from typing import Any

from serving.client import RestClient
from tasks.contract.errors import ArtifactMissing
from tasks.verify_model.spec import Params


def state(params: Params) -> dict[str, Any]:
    """The version behind the label `canary`."""
    server = RestClient()
    version = server.label(params.model, "canary")
    if version is None:
        raise ArtifactMissing(f"{server.address} serves no canary of {params.model}; run push_model first")
    return {"version": version}

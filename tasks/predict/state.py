"""Which release is meant, as the model's releases are now."""

from __future__ import annotations

from typing import Any

from serving.releases import read
from tasks.contract.errors import ArtifactMissing
from tasks.contract.refs import Refs
from tasks.predict.spec import Params
from tasks.store import open_store


def state(params: Params) -> dict[str, Any]:
    """The version that the label names, or that was asked for, and the digest of its model."""
    releases = read(Refs(open_store()), params.model)
    if params.version.isdigit():
        version = int(params.version)
    elif params.version in releases.labels:
        version = releases.labels[params.version]
    else:
        raise ArtifactMissing(
            f"no release of {params.model} is labelled {params.version}; labels are {dict(releases.labels)}; "
            "run release for it first"
        )
    return {"version": version, "model": releases.release(version).model.digest}

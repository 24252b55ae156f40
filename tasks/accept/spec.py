"""What `accept` takes and makes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import Refused
from tasks.contract.spec import Input, TaskSpec

JUDGED = {
    "dem": "dem-report",
    "inventory": "inventory-report",
    "layers": "layers-report",
    "stack": "stack-report",
    "mask-tiles": "mask-tiles-report",
    "model": "verdict",
}
"""Kinds that are accepted only beside a passed report of exactly that artifact."""


@dataclass(frozen=True)
class Params:
    """Nothing to set."""

    @classmethod
    def of(cls, config: Config) -> Params:
        """The same for every configuration."""
        return cls()


SPEC = TaskSpec(
    name="accept",
    image="terrain",
    takes={
        "items": Input(many=True),
        "layers": Input("layers", "layers-report", many=True, optional=True),
        "built_from": Input(many=True, optional=True),
    },
    makes={"accepted": "ref"},
    params=Params,
    step=True,
    refusal=Refused,
)

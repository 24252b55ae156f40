"""What `quarantine` takes and makes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The run that is recorded with what it brought, where one is named."""

    run: str

    @classmethod
    def of(cls, config: Config, *, run: str = "") -> Params:
        """The same for every configuration."""
        return cls(run)


SPEC = TaskSpec(
    name="quarantine",
    image="terrain",
    takes={"items": Input(many=True, optional=True)},
    makes={"quarantined": "ref"},
    params=Params,
    step=True,
)

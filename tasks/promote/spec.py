"""What `promote` takes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The model, and the version to go back to; 0 for the version that the parity is about."""

    model: str
    version: int = 0

    @classmethod
    def of(cls, config: Config, *, model: str, version: str = "0") -> Params:
        """A model the configuration knows. `version` is for rolling back by hand: one that was stable before."""
        config.model(model)
        if not (version.isascii() and version.isdecimal()):
            raise InvalidParams(f"version must be a whole number, found {version!r}")
        return cls(model, int(version))


SPEC = TaskSpec(
    name="promote",
    image="tensorflow",
    takes={"parity": Input("parity", optional=True)},
    params=Params,
    step=True,
)

"""What the toy takes and makes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """A word to write."""

    word: str

    @classmethod
    def of(cls, config: Config, *, word: str) -> Params:
        """As given."""
        return cls(word)


SPEC = TaskSpec(
    name="toy",
    image="terrain",
    takes={"seed": Input("seed", optional=True)},
    makes={"toys": "toys"},
    params=Params,
)

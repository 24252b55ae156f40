"""What `waive` takes, makes and may be given."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec

KINDS = ("dem", "inventory", "layers", "stack", "stack-tiles", "mask-tiles")
REASON_LENGTH = 500
NAME_LENGTH = 200


@dataclass(frozen=True)
class Params:
    """Who accepts the subject although a check says no, and why; in their own words."""

    region: str
    reason: str
    by: str

    def __post_init__(self) -> None:
        for name, value, most in (("reason", self.reason, REASON_LENGTH), ("by", self.by, NAME_LENGTH)):
            if len(value) > most:
                raise InvalidParams(f"waive: {name} has {len(value)} characters, at most {most} are allowed")
            if any(not (sign.isprintable() or sign in "\r\n\t") for sign in value):
                raise InvalidParams(f"waive: {name} has characters that cannot be printed; write plain text")

    @property
    def given(self) -> bool:
        """Whether there is a reason at all."""
        return self.reason not in ("", "-")

    @classmethod
    def of(cls, config: Config, *, region: str, reason: str, by: str) -> Params:
        """The region must be one the configuration knows."""
        config.region(region)
        return cls(region, reason.strip(), by.strip())


SPEC = TaskSpec(
    name="waive",
    image="terrain",
    takes={"subject": Input(*KINDS)},
    makes={"waiver": "waiver"},
    params=Params,
)

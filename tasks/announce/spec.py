"""What `announce` is told."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import TaskSpec

EVENTS = ("inputs", "dataset", "candidate", "model")


@dataclass(frozen=True)
class Params:
    """An event, its partition (a region for `inputs`, else a model), and the models concerned with their regions."""

    event: str
    partition: str
    models: tuple[tuple[str, tuple[str, ...]], ...]

    def __post_init__(self) -> None:
        if self.event not in EVENTS:
            raise InvalidParams(f"event must be one of {', '.join(EVENTS)}, found {self.event!r}")

    @classmethod
    def of(cls, config: Config, *, event: str, partition: str) -> Params:
        """The models that the configuration ties to the partition."""
        names = config.models_of(partition) if event == "inputs" else (partition,)
        return cls(event, partition, tuple((name, tuple(config.model(name)["regions"])) for name in names))


SPEC = TaskSpec(
    name="announce",
    image="terrain",
    takes={},
    makes={},
    params=Params,
    step=True,
)

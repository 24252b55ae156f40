"""What `announce` is told and compares."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import TaskSpec

EVENTS = ("inputs", "dataset", "candidate", "model")


@dataclass(frozen=True)
class Params:
    """The accepted refs and the refs of those who should have dealt with them.

    event      what is announced
    accepted   refs whose artifacts are the news
    consumers  refs in which a consumer records what it dealt with
    """

    event: str
    accepted: tuple[str, ...]
    consumers: tuple[str, ...]

    @classmethod
    def of(cls, config: Config, *, event: str, partition: str) -> Params:
        """The refs on either side of an event; the partition is a region for `inputs`, else a model."""
        if event == "inputs":
            consumers = tuple(f"regions/{partition}/dataset.{model}" for model in config.models_of(partition))
            return cls(event, (f"regions/{partition}/inputs",), consumers)
        regions = tuple(config.model(partition)["regions"])
        if event == "dataset":
            accepted = tuple(f"regions/{region}/dataset.{partition}" for region in regions)
            return cls(event, accepted, (f"judged/{partition}",))
        if event == "candidate":
            return cls(event, (f"candidates/{partition}",), (f"models/{partition}",))
        if event == "model":
            return cls(event, (f"models/{partition}",), tuple(f"regions/{r}/map.{partition}" for r in regions))
        raise InvalidParams(f"event must be one of {', '.join(EVENTS)}, found {event!r}")


SPEC = TaskSpec(
    name="announce",
    image="terrain",
    takes={},
    makes={},
    params=Params,
    step=True,
)

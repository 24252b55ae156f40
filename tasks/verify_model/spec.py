"""What `verify_model` takes and makes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """How the server is compared with the model.

    model      the name under which it is served
    tiles      golden tiles to compare over gRPC, spread evenly over all given
    tolerance  largest difference of a probability that counts as the same
    """

    model: str
    tiles: int = 32
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        """Refuse a comparison of nothing."""
        if self.tiles < 1:
            raise InvalidParams(f"tiles must be at least 1, found {self.tiles}")

    @classmethod
    def of(cls, config: Config, *, model: str) -> Params:
        """A model the configuration knows."""
        config.model(model)
        return cls(model)


SPEC = TaskSpec(
    name="verify_model",
    image="tensorflow",
    takes={"model": Input("model"), "tiles": Input("stack-tiles", many=True)},
    makes={"parity": "parity"},
    params=Params,
    libraries=("tensorflow", "numpy"),
    uses=("serving.client",),
    asks_source=True,
    memory_gb=3.0,
)

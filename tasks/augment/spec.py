"""What augment takes, makes and depends on."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """Probability of each of the two flips, and the seed of their draws."""

    flips: float = 0.5
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.flips <= 1:
            raise InvalidParams(f"[augment] flips must be a probability above 0, found {self.flips}")

    @classmethod
    def of(cls, config: Config, *, recipe: str) -> Params:
        """The recipe's [augment]."""
        try:
            return cls(**config.recipe(recipe).get("augment", {}))
        except TypeError as error:
            raise InvalidParams(f"[augment] of recipe {recipe}: {error!r}") from error


SPEC = TaskSpec(
    name="augment",
    image="augment",
    takes={"stack": Input("stack-tiles"), "masks": Input("mask-tiles")},
    makes={"augmented": "augmented-tiles"},
    params=Params,
    libraries=("imgaug", "numpy"),
)

"""What augment takes, makes and depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec

Amounts = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Params:
    """What a twin may differ by from its tile; `seed` and the tile's place decide each draw.

    flips      probability of each of the two flips, left-right and up-down
    rotations  whether a twin is also turned by 0, 90, 180 or 270 degrees, each as likely
    shift      by band, in its units: a value drawn between plus and minus this is added to the whole tile
    noise      by band, in its units: the standard deviation of normal noise, drawn for every cell
    """

    flips: float = 0.5
    rotations: bool = False
    shift: Amounts = ()
    noise: Amounts = ()
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.flips <= 1 or isinstance(self.flips, bool):
            raise InvalidParams(f"[augment] flips must be a probability, found {self.flips!r}")
        if not isinstance(self.rotations, bool):
            raise InvalidParams(f"[augment] rotations must be true or false, found {self.rotations!r}")
        if not (self.flips or self.rotations or self.shift or self.noise):
            raise InvalidParams(
                "[augment] makes twins that are their tiles: set flips, rotations, shift or noise"
            )
        for name in ("shift", "noise"):
            for band, amount in getattr(self, name):
                if (
                    isinstance(amount, bool)
                    or not isinstance(amount, int | float)
                    or not 0 < amount < float("inf")
                ):
                    raise InvalidParams(
                        f"[augment] {name} must give bands a number above 0, in their units; found {band} = {amount!r}"
                    )

    @classmethod
    def of(cls, config: Config, *, recipe: str) -> Params:
        """The recipe's [augment]."""
        table: dict[str, Any] = dict(config.recipe(recipe).get("augment", {}))
        try:
            for name in ("shift", "noise"):
                table[name] = amounts(table.get(name, {}))
            return cls(**table)
        except (TypeError, AttributeError) as error:
            raise InvalidParams(f"[augment] of recipe {recipe}: {error!r}") from error


def amounts(table: Mapping[str, float]) -> Amounts:
    """A table as sorted pairs."""
    return tuple(sorted(table.items()))


SPEC = TaskSpec(
    name="augment",
    image="augment",
    takes={"stack": Input("stack-tiles"), "masks": Input("mask-tiles")},
    makes={"augmented": "augmented-tiles"},
    params=Params,
    libraries=("imgaug", "numpy", "pyarrow"),
    uses=("tasks.science.directions", "tasks.science.npy", "tasks.science.tile_index"),
)

"""What derive_terrain takes, makes and depends on."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """Names of the bands, in the stack's order."""

    bands: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.bands or len(set(self.bands)) != len(self.bands):
            raise InvalidParams(f"a band set names each band once and at least one, found {list(self.bands)}")

    @classmethod
    def of(cls, config: Config, *, recipe: str) -> Params:
        """The band set of a recipe."""
        return cls(bands=config.bands(config.recipe(recipe)["bands"]))


SPEC = TaskSpec(
    name="derive_terrain",
    image="terrain",
    takes={
        "dem": Input("dem"),
        "report": Input("dem-report"),
        "layers": Input("layers", optional=True),
        "layers_report": Input("layers-report", optional=True),
    },
    makes={"stack": "stack"},
    gates={"report": "dem", "layers_report": "layers"},
    params=Params,
    libraries=("richdem2", "numpy", "scipy", "rasterio"),
    uses=("tasks.science.layers", "tasks.science.windows"),
)

"""What publish_map takes, makes and depends on."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The model's title, and the area below which a polygon is left out (the mask keeps every cell)."""

    title: str
    min_area_m2: float = 0.0

    def __post_init__(self) -> None:
        if self.min_area_m2 < 0:
            raise InvalidParams(f"[map] min_area_m2 must not be negative, found {self.min_area_m2}")

    @classmethod
    def of(cls, config: Config, *, model: str) -> Params:
        """The title and [map] of a model."""
        settings = config.model(model)
        return cls(
            title=settings["title"], min_area_m2=float(settings.get("map", {}).get("min_area_m2", 0.0))
        )


SPEC = TaskSpec(
    name="publish_map",
    image="terrain",
    takes={
        "probability": Input("probability"),
        "dem": Input("dem"),
        "truth": Input("mask", optional=True),
    },
    makes={"map": "map"},
    params=Params,
    libraries=("rasterio", "geopandas", "numpy", "scipy", "matplotlib"),
    uses=("tasks.science.hillshade", "tasks.science.preview"),
)

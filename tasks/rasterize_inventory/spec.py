"""What rasterize_inventory takes, makes and depends on."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidConfig, InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The target to burn; `all_touched` burns every cell a polygon touches instead of those whose centre it holds.

    `younger` says what landslides dated after the terrain was surveyed are: "keep" (like any other), or "ignore"
    (unknown ground: their traces cannot be in it).
    """

    target: str
    all_touched: bool = False
    younger: str = "keep"

    def __post_init__(self) -> None:
        if self.younger not in ("keep", "ignore"):
            raise InvalidParams(f'[rasterize] younger must be "keep" or "ignore", found {self.younger!r}')

    @classmethod
    def of(cls, config: Config, *, region: str, model: str) -> Params:
        """The model's target, and [rasterize] of the region's file: `all_touched` where polygons are about a cell."""
        settings, area = config.model(model), config.region(region)
        targets = area.get("inventory", {}).get("targets", {})
        if settings["target"] not in targets:
            raise InvalidConfig(
                f"model {model} maps {settings['target']!r}, the inventory of region {region} has "
                f"{sorted(targets)}; change the model's target or its regions"
            )
        try:
            return cls(target=settings["target"], **area.get("rasterize", {}))
        except TypeError as error:
            raise InvalidParams(f"[rasterize] of region {region}: {error}") from error


SPEC = TaskSpec(
    name="rasterize_inventory",
    image="terrain",
    takes={"stack": Input("stack"), "inventory": Input("inventory"), "report": Input("inventory-report")},
    makes={"mask": "mask"},
    gates={"report": "inventory"},
    params=Params,
    libraries=("rasterio", "geopandas", "shapely", "numpy"),
    uses=("tasks.science.windows",),
)

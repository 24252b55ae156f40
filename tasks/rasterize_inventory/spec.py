"""What rasterize_inventory takes, makes and depends on."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidConfig
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The target to burn; `all_touched` burns every cell a polygon touches instead of those whose centre it holds."""

    target: str
    all_touched: bool = False

    @classmethod
    def of(cls, config: Config, *, region: str, model: str) -> Params:
        """The model's target; `[rasterize] all_touched = true` in the region's file where polygons are about a cell."""
        settings, area = config.model(model), config.region(region)
        targets = area.get("inventory", {}).get("targets", {})
        if settings["target"] not in targets:
            raise InvalidConfig(
                f"model {model} maps {settings['target']!r}, the inventory of region {region} has "
                f"{sorted(targets)}; change the model's target or its regions"
            )
        return cls(
            target=settings["target"], all_touched=bool(area.get("rasterize", {}).get("all_touched", False))
        )


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

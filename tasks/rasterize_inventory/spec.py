"""What rasterize_inventory takes, makes and depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidConfig, InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The target to burn, and the `[rasterize]` table of a region.

    all_touched         burn every cell a polygon touches instead of those whose centre it holds
    younger             landslides dated after the terrain was surveyed: "keep" (like any other), or "ignore" (unknown
                        ground: their traces cannot be in it)
    min_width_m         a polygon whose widest place is narrower is widened to it; from 1.42 cells on each keeps a cell
    questionable        confidences of polygons that may be none: unknown ground
    uncertain           confidences of polygons that count, but whose outline may lie further out: within
                        `uncertain_buffer_m` metres outside it the ground is unknown
    exclude             classes of the region's categorical layers, as "landcover=water", that are unknown ground
    """

    target: str
    all_touched: bool = False
    younger: str = "keep"
    min_width_m: float = 0.0
    questionable: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    uncertain_buffer_m: float = 0.0
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.all_touched, bool):
            raise InvalidParams(f"[rasterize] all_touched must be true or false, found {self.all_touched!r}")
        if self.younger not in ("keep", "ignore"):
            raise InvalidParams(f'[rasterize] younger must be "keep" or "ignore", found {self.younger!r}')
        for name in ("min_width_m", "uncertain_buffer_m"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise InvalidParams(
                    f"[rasterize] {name} must be a number of metres, 0 or more, found {value!r}"
                )
        for name, example in (("questionable", "q"), ("uncertain", "p"), ("exclude", "landcover=water")):
            _check_texts(name, getattr(self, name), example)
        if wrong := [one for one in self.exclude if not all(one.partition("="))]:
            raise InvalidParams(
                f'[rasterize] exclude names classes of layers as "landcover=water", found {wrong[0]!r}'
            )
        if both := set(self.questionable) & set(self.uncertain):
            raise InvalidParams(
                f"[rasterize] {', '.join(sorted(both))} is both questionable and uncertain; name it in one of them"
            )
        if bool(self.uncertain) != bool(self.uncertain_buffer_m):
            raise InvalidParams(
                "[rasterize] uncertain and uncertain_buffer_m go together, found uncertain = "
                f"{list(self.uncertain)}, uncertain_buffer_m = {self.uncertain_buffer_m}"
            )

    @classmethod
    def of(cls, config: Config, *, region: str, model: str) -> Params:
        """The model's target, and `[rasterize]` of the region's file."""
        settings, area = config.model(model), config.region(region)
        targets = area.get("inventory", {}).get("targets", {})
        if settings["target"] not in targets:
            raise InvalidConfig(
                f"model {model} maps {settings['target']!r}, the inventory of region {region} has "
                f"{sorted(targets)}; change the model's target or its regions"
            )
        table = area.get("rasterize", {})
        lists = {name: tuple(value) for name, value in table.items() if isinstance(value, list)}
        try:
            return cls(target=settings["target"], **{**table, **lists})
        except TypeError as error:
            raise InvalidParams(f"[rasterize] of region {region}: {error}") from error


def _check_texts(name: str, values: object, example: str) -> None:
    texts = isinstance(values, tuple) and all(isinstance(v, str) and v and v == v.strip() for v in values)
    if not texts or len(set(values)) != len(values):  # type: ignore[arg-type,call-overload]
        found = list(values) if isinstance(values, tuple) else values
        raise InvalidParams(
            f'[rasterize] {name} must be a list of texts such as ["{example}"], found {found!r}'
        )


SPEC = TaskSpec(
    name="rasterize_inventory",
    image="terrain",
    takes={
        "stack": Input("stack"),
        "inventory": Input("inventory"),
        "report": Input("inventory-report"),
        "layers": Input("layers", optional=True),
        "layers_report": Input("layers-report", optional=True),
    },
    makes={"mask": "mask"},
    gates={"report": "inventory", "layers_report": "layers"},
    params=Params,
    libraries=("rasterio", "geopandas", "shapely", "numpy", "pyarrow"),
    uses=("tasks.science.windows", "tasks.science.layers"),
)

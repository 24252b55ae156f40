"""What `validate` takes, makes and may be given; the thresholds and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import BadData, InvalidParams
from tasks.contract.grid import region_grid
from tasks.contract.spec import Input, TaskSpec

KINDS = ("dem", "inventory", "layers", "stack", "stack-tiles", "mask-tiles")

# Population stability index of a band against the accepted one.
DRIFT = {"psi_warn": 0.1, "psi_fail": 0.25}

# Shares are from 0 to 1. A region's [validation.<kind>] table overrides single values.
DEFAULTS: dict[str, dict[str, float]] = {
    "dem": {
        "valid_share_min": 0.99,
        "elevation_min_m": -430.0,  # the shore of the Dead Sea
        "elevation_max_m": 8849.0,  # Mount Everest
        "relief_min_m": 1.0,
        "zero_run_share_max": 0.01,
        "flat_share_max": 0.25,
        "steep_deg": 75.0,
        "steep_share_max": 0.005,
        "stepped_share_max": 0.25,
        "seam_ratio_warn": 2.0,
        "seam_ratio_max": 3.0,
        **DRIFT,
    },
    "inventory": {
        "count_min": 1.0,
        "area_min_m2": 1.0,
        "area_median_min_cells": 0.25,
        "largest_share_max": 0.5,
        "outside_share_max": 0.5,
        "overlap_share_max": 0.5,
        "younger_max": 0.0,
        "shrink_share_max": 0.2,
    },
    "layers": {"valid_share_min": 0.5, "classes_missing_max": 0.0, **DRIFT},
    "stack": {"finite_share_min": 0.9, **DRIFT},
    "stack-tiles": {"valid_share_min": 0.5, "empty_share_max": 0.25},
    "mask-tiles": {
        "positive_cells_min": 1.0,
        "base_rate_min": 0.0005,
        "base_rate_max": 0.5,
        "unknown_share_max": 0.9,
        "blocks_min": 2.0,
        "rate_change_warn": 0.25,
        "rate_change_fail": 3.0,  # four times, or a quarter
    },
}


@dataclass(frozen=True)
class Params:
    """What the region promises (CRS, cell size, bounds, targets) and the thresholds, by kind of artifact."""

    region: str
    title: str
    synthetic: bool
    crs: str
    cell_m: float
    bounds: tuple[float, ...]
    targets: tuple[str, ...]
    limits: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        for kind, values in self.limits.items():
            known = DEFAULTS.get(kind)
            if known is None:
                raise InvalidParams(f"[validation] has tables for {', '.join(DEFAULTS)}; found {kind!r}")
            for name, value in values.items():
                if name not in known or isinstance(value, bool) or not isinstance(value, int | float):
                    raise InvalidParams(
                        f"[validation.{kind}] {name} = {value!r}: expected a number named one of {', '.join(known)}"
                    )

    def limit(self, kind: str) -> dict[str, float]:
        """The thresholds for a kind: the defaults, and what the region says instead."""
        return {**DEFAULTS[kind], **self.limits.get(kind, {})}

    @classmethod
    def of(cls, config: Config, *, region: str) -> Params:
        """From `regions/<region>.toml`."""
        table = config.region(region)
        grid = region_grid(table)
        inventory: dict[str, Any] = table.get("inventory", {})
        return cls(
            region=region,
            title=str(table.get("title", region)),
            synthetic=bool(table.get("synthetic", False)),
            crs=grid.crs,
            cell_m=grid.cell_m,
            bounds=tuple(float(edge) for edge in table["bounds"]),
            targets=tuple(sorted(inventory.get("targets", {}))),
            limits=table.get("validation", {}),
        )


SPEC = TaskSpec(
    name="validate",
    image="terrain",
    takes={
        "subject": Input(*KINDS),
        "backdrop": Input("dem", optional=True),
        "baseline": Input(*KINDS, before="subject"),
        "waiver": Input("waiver", optional=True),
    },
    makes={"report": "{subject}-report"},
    params=Params,
    libraries=("great-expectations", "numpy", "scipy", "shapely", "rasterio"),
    uses=(
        "tasks.science.bounds",
        "tasks.science.hillshade",
        "tasks.science.tile_index",
        "tasks.science.windows",
    ),
    refusal=BadData,
)

"""Measure what needs no network, on the split the network is measured on."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The band that the threshold baseline reads."""

    band: str = "slope"

    @classmethod
    def of(cls, config: Config) -> Params:
        """The same for every model."""
        return cls()


SPEC = TaskSpec(
    name="fit_baselines",
    image="terrain",
    takes={"stacks": Input("stack-tiles", many=True), "masks": Input("mask-tiles", many=True)},
    makes={"baselines": "baselines"},
    params=Params,
    libraries=("numpy", "scikit-learn"),
    uses=(
        "tasks.science.dataset",
        "tasks.science.metrics",
        "tasks.science.tile_index",
        "tasks.science.tiles",
    ),
    memory_gb=4.0,
)

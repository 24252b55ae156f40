"""Measure a model on the test blocks of its regions, beside the champion and the baselines."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """How the bootstrap draws blocks."""

    seed: int = 1
    draws: int = 1000

    @classmethod
    def of(cls, config: Config) -> Params:
        """The same for every model."""
        return cls()


SPEC = TaskSpec(
    name="evaluate_model",
    image="tensorflow",
    takes={
        "model": Input("model"),
        "champion": Input("model", optional=True),
        "stacks": Input("stack-tiles", many=True),
        "masks": Input("mask-tiles", many=True),
        "baselines": Input("baselines"),
    },
    makes={"evaluation": "evaluation"},
    params=Params,
    libraries=("tensorflow", "numpy", "scikit-learn"),
    uses=(
        "tasks.science.dataset",
        "tasks.science.hillshade",
        "tasks.science.metrics",
        "tasks.science.preview",
        "tasks.science.tile_index",
        "tasks.science.tiles",
        "tasks.science.windowed",
        "tasks.science.windows",
    ),
    memory_gb=6.0,
)

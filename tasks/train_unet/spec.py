"""Train one U-Net on the tiles of one or more regions and export it for serving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec

CHOICES = {
    "normalisation": ("robust", "minmax"),
    "sampling": ("crops", "tiles"),
    "loss": ("bce", "bce_dice"),
    "schedule": ("cosine", "constant"),
}


@dataclass(frozen=True)
class Params:
    """A recipe's [train] table, and the model's name, which the warm-up requests carry.

    sampling   `crops`: `steps` batches of random crops of `crop_px`, `positive_share` of them round a positive
               cell, `augmented_share` taken from the augmented tiles instead;
               `tiles`: whole training tiles and their augmented twins, `epochs` times
    patience   epochs without a lower validation loss after which training stops and the best are kept; 0 never
    curves     bands that are not taken linearly: `asinh` or `log`
    clip       robust scaling: interquartile ranges from the median beyond which values are cut off
    """

    model: str
    levels: int = 4
    base: int = 16
    normalisation: str = "robust"
    curves: tuple[tuple[str, str], ...] = ()
    clip: float = 5.0
    sampling: str = "crops"
    crop_px: int = 64
    positive_share: float = 0.5
    augmented_share: float = 0.1
    loss: str = "bce_dice"
    schedule: str = "cosine"
    learning_rate: float = 2e-3
    warmup_share: float = 0.05
    batch: int = 16
    steps: int = 600
    epochs: int = 10
    patience: int = 0
    output_bias: float = -2.5
    momentum: float = 0.9
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what could not be trained, before anything is fetched."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidParams(f"[train] {name} must be one of {choices}, found {getattr(self, name)!r}")
        if not 1 <= self.levels <= 6:
            raise InvalidParams(f"[train] levels must lie between 1 and 6, found {self.levels}")
        if self.crop_px < 2**self.levels or self.crop_px % 2**self.levels:
            raise InvalidParams(
                f"[train] crop_px must be a multiple of 2^levels = {2**self.levels}, found {self.crop_px}"
            )
        for name in ("base", "batch", "steps", "epochs", "learning_rate", "clip"):
            if getattr(self, name) <= 0:
                raise InvalidParams(f"[train] {name} must be above 0, found {getattr(self, name)}")
        for name in ("positive_share", "augmented_share", "warmup_share", "momentum"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidParams(f"[train] {name} must lie between 0 and 1, found {getattr(self, name)}")
        if self.steps < self.epochs:
            raise InvalidParams(f"[train] {self.steps} steps cannot make {self.epochs} epochs; raise steps")
        unknown = {curve for _, curve in self.curves} - {"linear", "asinh", "log"}
        if unknown:
            raise InvalidParams(f"[train.curves] knows linear, asinh and log, found {sorted(unknown)}")

    @classmethod
    def of(cls, config: Config, *, model: str) -> Params:
        """The training part of the model's recipe."""
        train: Mapping[str, Any] = config.recipe(config.model(model)["recipe"])["train"]
        unknown = set(train) - {field.name for field in fields(cls) if field.name != "model"}
        if unknown:
            raise InvalidParams(f"[train] of the recipe of {model} has unknown settings {sorted(unknown)}")
        curves = tuple(sorted(train.get("curves", {}).items()))
        return cls(**{**train, "curves": curves, "model": model})


SPEC = TaskSpec(
    name="train_unet",
    image="tensorflow",
    takes={
        "stacks": Input("stack-tiles", many=True),
        "masks": Input("mask-tiles", many=True),
        "augmented": Input("augmented-tiles", many=True),
        "reports": Input("mask-tiles-report", many=True),
    },
    makes={"model": "model"},
    gates={"reports": "masks"},
    params=Params,
    libraries=("tensorflow", "keras", "numpy"),
    uses=(
        "serving.warmup",
        "tasks.science.dataset",
        "tasks.science.directions",
        "tasks.science.metrics",
        "tasks.science.reach",
        "tasks.science.tile_index",
        "tasks.science.tiles",
        "tasks.science.windowed",
        "tasks.science.windows",
    ),
    gpu=True,
    memory_gb=8.0,
)

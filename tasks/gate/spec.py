"""Let a candidate pass or refuse it, by the [gate] of its model's file."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams, Refused
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """What a candidate must reach on the test blocks.

    model                      whose gate this is; a verdict lets a model be released under this name only
    iou, f1                    floors
    margin_over_baselines      IoU above that of every baseline, by this much
    max_fall_behind_champion   IoU that the candidate may lie below the champion's on the same cells
    """

    model: str
    iou: float
    f1: float
    margin_over_baselines: float = 0.02
    max_fall_behind_champion: float = 0.02

    def __post_init__(self) -> None:
        for name in ("iou", "f1"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidParams(
                    f"[gate] {name} must be above 0 and at most 1, found {getattr(self, name)}"
                )
        for name in ("margin_over_baselines", "max_fall_behind_champion"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidParams(f"[gate] {name} must lie between 0 and 1, found {getattr(self, name)}")

    @classmethod
    def of(cls, config: Config, *, model: str) -> Params:
        """The model's [gate]."""
        gate = config.model(model).get("gate", {})
        names = {field.name for field in fields(cls)} - {"model"}
        if set(gate) - names or not {"iou", "f1"} <= set(gate):
            raise InvalidParams(
                f"[gate] of model {model} needs iou and f1 and may have {sorted(names)}, found {sorted(gate)}"
            )
        return cls(model=model, **gate)


SPEC = TaskSpec(
    name="gate",
    image="terrain",
    takes={
        "model": Input("model"),
        "evaluation": Input("evaluation"),
        "built_from": Input(many=True, optional=True),
    },
    makes={"verdict": "verdict"},
    params=Params,
    refusal=Refused,
)

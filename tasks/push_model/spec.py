"""What `push_model` takes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The name under which the model is served, and whose ref `models/<model>` records its releases."""

    model: str

    @classmethod
    def of(cls, config: Config, *, model: str) -> Params:
        """A model the configuration knows."""
        config.model(model)
        return cls(model)


SPEC = TaskSpec(
    name="push_model",
    image="tensorflow",
    takes={"model": Input("model"), "verdict": Input("verdict")},
    gates={"verdict": "model"},
    params=Params,
    step=True,
)

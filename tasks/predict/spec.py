"""Map a region with a released model, through the model server."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """The model's name; which of its releases is meant follows from the model artifact that is taken."""

    model: str

    @classmethod
    def of(cls, config: Config, *, model: str) -> Params:
        """A configured model."""
        config.model(model)
        return cls(model)


SPEC = TaskSpec(
    name="predict",
    image="tensorflow",
    takes={"model": Input("model"), "stack": Input("stack")},
    makes={"probability": "probability"},
    params=Params,
    libraries=("numpy", "rasterio"),
    uses=("serving.client", "serving.releases", "tasks.science.windowed", "tasks.science.windows"),
    memory_gb=3.0,
)

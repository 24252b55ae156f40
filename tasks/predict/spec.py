"""Map a region with a released model, through the model server."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.names import checked_segment
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """A model by name and the release to use: a label such as `stable`, or a version number.

    The label is resolved to a version, which enters the key, before anything else happens (see state.py).
    """

    model: str
    version: str = "stable"

    def __post_init__(self) -> None:
        checked_segment(self.model, "model")
        if not self.version or not (self.version.isdigit() or self.version.isidentifier()):
            raise InvalidParams(f"version must be a label such as stable, or a number, found {self.version!r}")

    @classmethod
    def of(cls, config: Config, *, model: str, version: str = "stable") -> Params:
        """A configured model."""
        config.model(model)
        return cls(model, version)


SPEC = TaskSpec(
    name="predict",
    image="tensorflow",
    takes={"model": Input("model"), "stack": Input("stack")},
    makes={"probability": "probability"},
    params=Params,
    libraries=("numpy", "rasterio"),
    uses=("serving.client", "serving.releases", "tasks.science.windowed", "tasks.science.windows"),
    asks_source=True,
    memory_gb=3.0,
)

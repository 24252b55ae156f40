"""What `pin` takes and makes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.spec import TaskSpec


@dataclass(frozen=True)
class Params:
    """The refs to copy, in order; artifacts in the pinned ref have the role `<source>.<kind>`."""

    sources: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, config: Config, *, region: str = "", model: str = "", candidate: str = "", released: str = ""
    ) -> Params:
        """A region's inputs, the data sets of a model's regions, a model's candidate, or its stable release.

        Names may come from a partition key or a form: one that the configuration does not know is refused here.
        """
        if candidate:
            config.model(candidate)
            return cls(((candidate, f"candidates/{candidate}"),))
        if released:
            config.model(released)
            return cls(((released, f"models/{released}"),))
        if model:
            regions = config.model(model)["regions"]
            return cls(tuple((name, f"regions/{name}/dataset.{model}") for name in regions))
        config.region(region)
        return cls(((region, f"regions/{region}/inputs"),))


SPEC = TaskSpec(
    name="pin",
    image="terrain",
    takes={},
    makes={"pinned": "ref"},
    params=Params,
    step=True,
)

"""What `index_reports` is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import TaskSpec


@dataclass(frozen=True)
class Params:
    """The number of runs that a region's page lists; titles of regions and models; the regions made by code."""

    keep: int
    regions: tuple[tuple[str, str], ...]
    models: tuple[tuple[str, str], ...]
    synthetic: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.keep <= 1000:
            raise InvalidParams(f"keep must be 1 to 1000 runs, found {self.keep}")

    @classmethod
    def of(cls, config: Config, *, keep: str = "30") -> Params:
        """Titles as the configuration has them."""
        if not keep.isdecimal():
            raise InvalidParams(f"keep must be a whole number of runs, such as 30; found {keep!r}")
        tables: dict[str, dict[str, Any]] = {name: config.region(name) for name in config.regions()}
        return cls(
            keep=int(keep),
            regions=tuple((name, str(table.get("title", name))) for name, table in tables.items()),
            models=tuple((name, str(config.model(name).get("title", name))) for name in config.models()),
            synthetic=tuple(name for name, table in tables.items() if table.get("synthetic")),
        )


SPEC = TaskSpec(
    name="index_reports",
    image="terrain",
    takes={},
    makes={},
    params=Params,
    step=True,
)

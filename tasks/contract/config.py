"""Regions, recipes, models and band sets, read from TOML. They are science: reviewed like code."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from tasks.contract.errors import InvalidConfig
from tasks.contract.names import checked_segment

FOLDER = Path(__file__).resolve().parents[2] / "dags" / "config"


class Config:
    """The configuration folder: regions/*.toml, recipes/*.toml, models/*.toml, bands.toml."""

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = Path(root or os.environ.get("PIPELINE_CONFIG") or FOLDER)

    def region(self, name: str) -> dict[str, Any]:
        """One region: where it is and where its data come from."""
        return self._entry("regions", name)

    def recipe(self, name: str) -> dict[str, Any]:
        """One recipe: band set, tiles and split, training."""
        return self._entry("recipes", name)

    def model(self, name: str) -> dict[str, Any]:
        """One model: target, regions, recipe, gate."""
        return self._entry("models", name)

    def bands(self, name: str) -> tuple[str, ...]:
        """The bands of a named set, in the stack's order."""
        sets = _read(self.root / "bands.toml")
        if name not in sets:
            raise InvalidConfig(
                f"band set {name!r} is not in {self.root / 'bands.toml'}; it has {sorted(sets)}"
            )
        return tuple(sets[name]["bands"])

    def hosts(self, what: str = "hosts") -> frozenset[str]:
        """The hosts (or `buckets`) that a region may name as a source: hosts.toml."""
        path = self.root / "hosts.toml"
        return frozenset(_read(path).get(what, ())) if path.exists() else frozenset()

    def regions(self) -> tuple[str, ...]:
        """The names of all regions."""
        return self._names("regions")

    def recipe_of(self, model: str) -> str:
        """The name of the recipe that a model's data and training follow."""
        return str(self.model(model)["recipe"])

    def scheduled_regions(self) -> tuple[str, ...]:
        """The regions that the daily ingest looks at: those that do not say `scheduled = false`."""
        return tuple(name for name in self.regions() if self.region(name).get("scheduled", True))

    def models(self) -> tuple[str, ...]:
        """The names of all models."""
        return self._names("models")

    def models_of(self, region: str) -> tuple[str, ...]:
        """The models that learn from a region."""
        return tuple(name for name in self.models() if region in self.model(name)["regions"])

    def _names(self, section: str) -> tuple[str, ...]:
        return tuple(sorted(path.stem for path in (self.root / section).glob("*.toml")))

    def _entry(self, section: str, name: str) -> dict[str, Any]:
        path = self.root / section / f"{checked_segment(name, section.rstrip('s'))}.toml"
        if not path.is_file():
            raise InvalidConfig(
                f"{section.rstrip('s')} {name!r} is not known: there is no {path}; "
                f"known are {', '.join(self._names(section)) or 'none'}"
            )
        return dict(_read(path))


@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidConfig(f"{path} cannot be read: {error}") from error

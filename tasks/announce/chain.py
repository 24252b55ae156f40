"""Where the chain from inputs to map is behind. It compares states, not events, so that a lost event heals.

Each stage's ref records what it was built from (`built_from`): a set of artifacts accepted before it.

    regions/<r>/inputs -> regions/<r>/dataset.<m> -> judged/<m> -> candidates/<m> -> models/<m> -> regions/<r>/map.<m>

A map follows both the release and the ground: `regions/<r>/map.<m>` is built from a model and a stack.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.contract.artifact import Item, items_digest
from tasks.contract.refs import Refs

DEALT_WITH = {"stable", "available", "retired", "withdrawn"}


class Chain:
    """The stages of some models, as the refs have them. Each question is answered by a reason, or None."""

    def __init__(self, refs: Refs, models: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self.refs, self.models = refs, dict(models)

    def behind(self, event: str, partition: str) -> str | None:
        """Why somebody who hears of the event has work to do."""
        if event == "inputs":
            return self._first(
                self._dataset_behind(partition, model) or self._map_behind(model) for model in self.models
            )
        stages = {
            "dataset": self._judged_behind,
            "candidate": self._release_behind,
            "model": self._map_behind,
        }
        return stages[event](partition)

    def _dataset_behind(self, region: str, model: str) -> str | None:
        inputs = self._items(f"regions/{region}/inputs")
        if inputs is None:
            return None
        if self._built_from(f"regions/{region}/dataset.{model}") != items_digest(inputs):
            return f"the data set of {model} was not built from these inputs"
        return self._judged_behind(model)

    def _judged_behind(self, model: str) -> str | None:
        pooled: list[Item] = []
        for region in self.models[model]:
            items = self._items(f"regions/{region}/dataset.{model}")
            if items is None:
                return None  # another region's ingest will complete the data, and announce them
            pooled += items
        if self._built_from(f"judged/{model}") != items_digest(pooled):
            return f"no {model} model was judged that learned from these data"
        judged = self.refs.document(f"judged/{model}").record
        if judged.get("passed") and self._built_from(f"candidates/{model}") != judged.get("built_from"):
            return f"the {model} model that passed was not accepted as candidate"
        return self._release_behind(model)

    def _release_behind(self, model: str) -> str | None:
        candidate = self.refs.document(f"candidates/{model}").items.get("model")
        if candidate is None:
            return None
        releases = self.refs.document(f"models/{model}").record.get("releases", [])
        if not any(r["model"]["digest"] == candidate.digest and r["state"] in DEALT_WITH for r in releases):
            return f"the {model} candidate was neither released nor withdrawn"
        return None

    def _map_behind(self, model: str) -> str | None:
        stable = self._items(f"models/{model}")
        if stable is None:
            return None
        for region in self.models[model]:
            stack = self.refs.document(f"regions/{region}/dataset.{model}").items.get("stack")
            ground = [stack] if stack else []
            if self._built_from(f"regions/{region}/map.{model}") != items_digest([*stable, *ground]):
                return f"{region}, as it is now, was not mapped with the released {model} model"
        return None

    def _items(self, ref: str) -> list[Item] | None:
        return list(self.refs.document(ref).items.values()) or None

    def _built_from(self, ref: str) -> str | None:
        found: str | None = self.refs.document(ref).record.get("built_from")
        return found

    @staticmethod
    def _first(reasons: Iterable[str | None]) -> str | None:
        return next((reason for reason in reasons if reason), None)

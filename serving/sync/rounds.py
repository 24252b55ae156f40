"""One round of the sync: refs, files, the server's state, configuration."""

from __future__ import annotations

import logging
from pathlib import Path

from serving import model_config
from serving.client import RestClient
from serving.releases import Releases
from serving.sync.mirror import Mirror
from serving.sync.plan import Held, Wanted, next_config
from tasks.contract.errors import PipelineError, Temporary
from tasks.contract.refs import Refs
from tasks.store import Store

LABELS = ("stable", "canary")

log = logging.getLogger(__name__)


class Sync:
    """Mirrors the released models of a store into `root` and tells the server by its configuration file."""

    def __init__(self, store: Store, root: Path, config: Path, rest: str | None = None) -> None:
        self._refs = Refs(store)
        self._mirror = Mirror(store, root)
        self._root, self._config = root, config
        self._server = RestClient(rest)
        self._said: dict[str, str] = {}

    def round(self) -> None:
        """Go one step towards what the refs ask for; what does not answer is tried again in the next round."""
        try:
            wanted = {ref.removeprefix("models/"): self._wanted(ref) for ref in self._refs.names("models/")}
        except PipelineError as error:
            self._say("store", f"the releases cannot be read, the server keeps what it has: {error}")
            return
        self._say("store", "")
        held = {model: self._held(model, wanted[model]) for model in wanted}
        configs = [next_config(model, self._root / model, wanted[model], held[model]) for model in wanted]
        if model_config.write(model_config.to_text(configs), self._config):
            log.info("wrote %s: %s", self._config, "; ".join(map(_summary, configs)) or "no models")
        configured = {(config.name, version) for config in configs for version in config.versions or ()}
        for model, version in self._mirror.on_disk():
            if (model, version) not in configured and self._is_unloaded(model, version):
                self._mirror.remove(model, version)

    def _wanted(self, ref: str) -> Wanted:
        """What a ref asks for, its versions as far as they could be brought to this disk."""
        model = ref.removeprefix("models/")
        releases = Releases.of(self._refs.document(ref).record)
        versions = set()
        for version in releases.served:
            try:
                self._mirror.fetch(model, version)
                versions.add(version)
                self._say(f"{model} {version}", "")
            except Temporary:
                raise  # what cannot be checked now is not taken from the server
            except (PipelineError, OSError) as error:
                self._say(f"{model} {version}", f"cannot mirror {model} version {version}: {error}")
        return Wanted(frozenset(versions), releases.labels)

    def _held(self, model: str, wanted: Wanted) -> Held | None:
        try:
            states = self._server.states(model)
            names = {*LABELS, *wanted.labels}
            labels = {
                name: version for name in names if (version := self._server.label(model, name)) is not None
            }
        except PipelineError as error:
            self._say("server", str(error))
            return None
        self._say("server", "")
        for version in wanted.versions:
            self._say(f"load {model} {version}", states.get(version, ("", ""))[1])
        return Held(frozenset(v for v, (state, _) in states.items() if state == "AVAILABLE"), labels)

    def _is_unloaded(self, model: str, version: int) -> bool:
        try:
            return self._server.states(model).get(version, ("END", ""))[0] == "END"
        except PipelineError:
            return False

    def _say(self, about: str, sentence: str) -> None:
        """Log a trouble when it begins or changes, and its end."""
        before = self._said.get(about, "")
        if sentence and sentence != before:
            log.warning("%s", sentence)
        elif before and not sentence:
            log.info("over: %s", before)
        self._said[about] = sentence


def _summary(config: model_config.ModelConfig) -> str:
    labels = ", ".join(f"{label}={version}" for label, version in sorted(config.labels.items()))
    return f"{config.name} {sorted(config.versions or ())} {labels}"

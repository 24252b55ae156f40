"""Which models, versions and labels are served; loading and unloading in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from tensorflow_serving.apis import get_model_status_pb2

from serving.model_config import ModelConfig
from serving.model_server.errors import ServingError, invalid, not_found
from serving.model_server.saved_model import LoadedModel

State = get_model_status_pb2.ModelVersionStatus
LOADING_STATES = (State.START, State.LOADING)
NEW_MODELS_WAIT_S = 120.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """A version's state, why it ended if it failed, and the model while it is AVAILABLE."""

    state: int = State.START
    code: grpc.StatusCode = grpc.StatusCode.OK
    error: str = ""
    model: LoadedModel | None = None

    @property
    def failed(self) -> bool:
        """Whether it could not be loaded."""
        return self.code is not grpc.StatusCode.OK


class Registry:
    """Serves what the configuration names and the disk holds. All methods may be called from any thread."""

    def __init__(
        self, root: Path, load: Callable[[Path], LoadedModel] = LoadedModel, poll_s: float = 1.0
    ) -> None:
        self._root = root.resolve()
        self._load_model = load
        self._applying = threading.Lock()
        self._changed = threading.Condition()
        self._configs: dict[str, ModelConfig] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._versions: dict[str, dict[int, Version]] = {}
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._stop = threading.Event()
        self._poller = threading.Thread(target=self._poll, args=(poll_s,), name="poll", daemon=True)
        self._poller.start()

    def apply(self, models: Iterable[ModelConfig], labels_may_wait: bool = False) -> None:
        """Replace the whole configuration; models that are new are waited for.

        A label binds only to an AVAILABLE version, else FAILED_PRECONDITION and all labels stay where they were.
        `labels_may_wait` lets labels name versions still to be loaded (the start of the server, as TensorFlow
        Serving's --allow_version_labels_for_unavailable_models).
        """
        configs: dict[str, ModelConfig] = {}
        for model in models:
            if model.name in configs:
                raise invalid(f"model {model.name} stands twice in the model configuration")
            if not model.base_path.resolve().is_relative_to(self._root):
                raise invalid(f"model {model.name}: base_path {model.base_path} is outside {self._root}")
            configs[model.name] = model
        with self._applying, self._changed:
            new = set(configs) - set(self._configs)
            self._configs = configs
            self._reconcile()
            if not labels_may_wait:
                self._changed.wait_for(lambda: not self._loading(new), NEW_MODELS_WAIT_S)
                self._check_labels(configs)
            self._labels = {name: dict(model.labels) for name, model in configs.items()}

    def find(self, name: str, version: int | None = None, label: str = "") -> tuple[int, LoadedModel]:
        """The model to run: of a version, of a label, or else the largest version that is AVAILABLE."""
        with self._changed:
            number = self._resolve(name, version, label)
            if number is None:
                number = max((n for n, v in self._versions.get(name, {}).items() if v.model), default=None)
                asked = f"Latest({name})"
            else:
                asked = f"Specific({name}, {number})"
            found = self._versions.get(name, {}).get(number) if number is not None else None
            if number is None or found is None or found.model is None:
                raise not_found(f"Servable not found for request: {asked}")
            return number, found.model

    def statuses(self, name: str, version: int | None = None, label: str = "") -> dict[int, Version]:
        """The state of all versions of a model, or of one; the largest version first."""
        with self._changed:
            number = self._resolve(name, version, label)
            versions = self._versions.get(name, {})
            chosen = {n: v for n, v in sorted(versions.items(), reverse=True) if number in (None, n)}
        if not chosen:
            what = "any versions" if number is None else f"version {number}"
            raise not_found(f"Could not find {what} of model {name}")
        return chosen

    def close(self) -> None:
        """Stop polling and loading; what is served stays usable."""
        self._stop.set()
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _resolve(self, name: str, version: int | None, label: str) -> int | None:
        if not label:
            return version
        if version is not None:
            raise invalid("a request names a version or a label, not both")
        if name not in self._versions and name not in self._configs:
            raise not_found(f"Servable not found for request: Latest({name})")
        if label not in self._labels.get(name, {}):
            raise invalid(f"Unrecognized servable version label: {label}")
        return self._labels[name][label]

    def _check_labels(self, configs: dict[str, ModelConfig]) -> None:
        for name, model in configs.items():
            for label, number in model.labels.items():
                found = self._versions.get(name, {}).get(number)
                if found is None or found.model is None:
                    raise ServingError(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label {label} to version {number} of model {name}, "
                        "which is not currently available for inference",
                    )

    def _loading(self, names: set[str]) -> bool:
        return any(v.state in LOADING_STATES for n in names for v in self._versions.get(n, {}).values())

    def _reconcile(self) -> None:
        """Start what is wanted and not there, unload what is there and not wanted. The lock is held."""
        for name in set(self._configs) | set(self._versions):
            wanted = self._configs[name].served() if name in self._configs else frozenset()
            versions = self._versions.setdefault(name, {}) if wanted else self._versions.get(name, {})
            for number in wanted:
                known = versions.get(number)
                if known is None or (known.state == State.END and not known.failed):
                    versions[number] = Version()
                    self._loader.submit(self._load, name, number)
            for number in set(versions) - wanted:
                if versions[number].state not in (*LOADING_STATES, State.END) or versions[number].failed:
                    log.info("unloaded %s version %d", name, number)
                    versions[number] = Version(State.END)
        self._changed.notify_all()

    def _load(self, name: str, number: int) -> None:
        with self._changed:
            config = self._configs.get(name)
            if config is None or number not in config.served():
                self._versions[name][number] = Version(State.END)
                self._changed.notify_all()
                return
            self._versions[name][number] = Version(State.LOADING)
        try:
            loaded = Version(State.AVAILABLE, model=self._load_model(config.base_path / str(number)))
            log.info("serving %s version %d", name, number)
        except Exception as error:  # whatever a broken SavedModel raises, the others go on
            log.error("cannot load %s version %d: %s", name, number, error)
            loaded = Version(State.END, grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")
        with self._changed:
            self._versions[name][number] = loaded
            self._reconcile()  # it may have been dropped meanwhile

    def _poll(self, every_s: float) -> None:
        while not self._stop.wait(every_s):
            with self._changed:
                try:
                    self._reconcile()
                except OSError as error:
                    log.warning("cannot read the model folders: %s", error)

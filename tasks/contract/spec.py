"""A task is plain data plus a recipe. This is the plain data: what it takes, makes and may be given."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.contract.config import Config
from tasks.contract.errors import BadData, InvalidName, InvalidParams, Stopped, WrongWiring

Refs = str | Sequence[str]
IMAGES = ("airflow", "terrain", "augment", "tensorflow")


@dataclass(frozen=True, init=False)
class Input:
    """What may be taken: artifacts of these kinds (of any kind when none is named).

    before   another input: of an accepted ref, this takes the artifact of that input's kind that was accepted before it
    """

    kinds: tuple[str, ...]
    many: bool = False
    optional: bool = False
    before: str = ""

    def __init__(self, *kinds: str, many: bool = False, optional: bool = False, before: str = "") -> None:
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "many", many)
        object.__setattr__(self, "optional", optional or bool(before))
        object.__setattr__(self, "before", before)

    def accepts(self, kind: str) -> bool:
        """Whether an artifact of this kind fits."""
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True)
class TaskSpec:
    """One task, as Airflow, the runner and the tests see it.

    name      the package under `tasks/`, also the command
    image     the dependency set it runs in
    takes     input name -> `Input`
    makes     output name -> artifact kind; `{subject}` in a kind stands for the kind of the input `subject`.
              A step (see below) names the refs it writes instead.
    params    frozen dataclass; its `of(config, *, ...)` says by its keyword arguments what a caller must give
    gates     report input -> judged input: refused unless the report passed and judged exactly that artifact
    libraries distributions whose versions shape the result and so enter the key
    uses      shared modules the recipe imports; their code enters the key
    step      moves refs and makes no artifact: no key, always run
    """

    name: str
    image: str
    params: Any
    takes: Mapping[str, Input] = field(default_factory=dict)
    makes: Mapping[str, str] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    asks_source: bool = False
    step: bool = False
    gpu: bool = False
    memory_gb: float = 2.0
    refusal: type[Stopped] | type[BadData] = BadData

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise InvalidParams(f"a task's name is a package name, found {self.name!r}")
        if self.image not in IMAGES:
            raise InvalidParams(f"task {self.name}: image must be one of {IMAGES}, found {self.image!r}")
        if not self.step and len(self.makes) != 1:
            raise InvalidParams(
                f"task {self.name}: a task makes exactly one artifact, found {list(self.makes)}"
            )
        unknown = {*self.gates, *self.gates.values()} - set(self.takes)
        if unknown:
            raise InvalidParams(f"task {self.name}: gates name unknown inputs {sorted(unknown)}")

    @property
    def given(self) -> dict[str, bool]:
        """Names a caller may give -> whether it must."""
        signature = inspect.signature(self.params.of)
        return {
            name: parameter.default is inspect.Parameter.empty
            for name, parameter in signature.parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }

    def read_params(self, config: Config, given: Mapping[str, str]) -> Any:
        """The parameters that the configuration and the given names amount to."""
        self._check("given", given, {n for n, must in self.given.items() if must}, set(self.given))
        of: Callable[..., Any] = self.params.of
        return of(config, **given)

    def argv(
        self, takes: Mapping[str, Refs], makes: Mapping[str, str], given: Mapping[str, str]
    ) -> list[str]:
        """The command line after `python -m tasks`; wrong wiring raises `WrongWiring`."""
        self._check("takes", takes, {n for n, i in self.takes.items() if not i.optional}, set(self.takes))
        self._check("makes", makes, set(self.makes), set(self.makes))
        self._check("given", given, {n for n, must in self.given.items() if must}, set(self.given))
        words = [self.name]
        for option, pairs in (("--take", takes), ("--make", makes), ("--given", given)):
            for name, value in pairs.items():
                values = list(value) if isinstance(value, list | tuple) else [value]
                if len(values) > 1 and not (option == "--take" and self.takes[name].many):
                    raise WrongWiring(f"task {self.name}: {name} takes one value, found {len(values)}")
                words += [word for one in values for word in (option, f"{name}={one}")]
        return words

    def _check(self, what: str, found: Mapping[str, Any], must: set[str], may: set[str]) -> None:
        missing, unknown = must - set(found), set(found) - may
        if missing or unknown:
            raise WrongWiring(
                f"task {self.name}, {what}: expected {sorted(may)}; "
                f"missing {sorted(missing)}, unknown {sorted(unknown)}"
            )


def task_names() -> tuple[str, ...]:
    """The names of all tasks: the packages beside this one that have a spec."""
    here = Path(__file__).parent
    return tuple(sorted(path.parent.name for path in here.parent.glob("*/spec.py") if path.parent != here))


def load_spec(name: str) -> TaskSpec:
    """The spec of a task by its name; imports no recipe."""
    if name not in task_names():
        raise InvalidName(f"there is no task {name!r}; there are {', '.join(task_names())}")
    spec: TaskSpec = importlib.import_module(f"tasks.{name}.spec").SPEC
    return spec

"""Promoting without a parity, and versions that are none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams, Refused
from tasks.contract.spec import load_spec
from tasks.promote.spec import Params
from tasks.runner import run_task
from tasks.store import Store

MODEL = {"models/scarps": 'title = "Scarps"\n'}


def test_nothing_is_promoted_without_a_parity(
    file_store: Store, config_folder: Callable[..., Config]
) -> None:
    with pytest.raises(Refused, match="there is no parity"):
        run_task(load_spec("promote"), {}, {}, {"model": "scarps"}, file_store, config_folder(**MODEL))


@pytest.mark.parametrize("version", ["-1", "1.5", "latest", "²", ""])
def test_a_version_is_a_whole_number(config_folder: Callable[..., Config], version: str) -> None:
    with pytest.raises(InvalidParams, match="whole number"):
        Params.of(config_folder(**MODEL), model="scarps", version=version)

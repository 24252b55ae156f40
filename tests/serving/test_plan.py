"""The sync's plan: labels move in two steps, and a label never names what is not loaded."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from serving.model_config import ModelConfig, to_text
from serving.model_server.config import models_of, parse
from serving.sync.plan import Held, Wanted, next_config

BASE = Path("/models/scarps")
VERSIONS = st.frozensets(st.integers(1, 4))
LABELS = st.dictionaries(st.sampled_from(["stable", "canary"]), st.integers(1, 4))


def test_a_label_waits_for_its_version_and_then_lets_the_old_one_go() -> None:
    wanted = Wanted(frozenset({2}), {"stable": 2})
    one = Held(frozenset({1}), {"stable": 1})
    assert next_config("scarps", BASE, wanted, one) == ModelConfig(
        "scarps", BASE, frozenset({1, 2}), {"stable": 1}
    )
    both = Held(frozenset({1, 2}), {"stable": 1})
    assert next_config("scarps", BASE, wanted, both) == ModelConfig(
        "scarps", BASE, frozenset({1, 2}), {"stable": 2}
    )
    moved = Held(frozenset({1, 2}), {"stable": 2})
    assert next_config("scarps", BASE, wanted, moved) == ModelConfig(
        "scarps", BASE, frozenset({2}), {"stable": 2}
    )


def test_a_server_that_is_away_will_start_with_everything() -> None:
    wanted = Wanted(frozenset({1}), {"stable": 1, "canary": 2})
    assert next_config("scarps", BASE, wanted, None).labels == {"stable": 1}


@given(VERSIONS, LABELS, VERSIONS, LABELS)
def test_labels_name_loaded_versions_only_and_named_versions_stay(
    versions: frozenset[int], labels: dict[str, int], loaded: frozenset[int], bound: dict[str, int]
) -> None:
    bound = {label: version for label, version in bound.items() if version in loaded}
    config = next_config("scarps", BASE, Wanted(versions, labels), Held(loaded, bound))
    assert set(config.labels.values()) <= loaded
    assert set(bound.values()) <= (config.versions or frozenset())
    assert versions <= (config.versions or frozenset())


@given(VERSIONS, LABELS)
def test_the_file_reads_back_as_it_was_written(versions: frozenset[int], labels: dict[str, int]) -> None:
    config = ModelConfig("scarps", Path('/models/a "b"\\c'), versions, labels)
    assert models_of(parse(to_text([config]))) == [config]
    assert models_of(parse(to_text([]))) == []

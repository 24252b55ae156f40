"""Releases: what stays true whatever order pushes, promotions, rollbacks and withdrawals come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import releases as r
from tasks.contract.artifact import Item
from tasks.contract.errors import ArtifactDamaged, ArtifactMissing, InvalidName, Refused
from tasks.contract.refs import Refs
from tasks.store import Store

WHEN = "2026-01-01T00:00:00+00:00"


def model(number: int) -> Item:
    return Item("model", f"key{number}", f"sha256:{number}")


def pushed(*numbers: int) -> r.Releases:
    releases = r.Releases()
    for number in numbers:
        releases = r.add(releases, releases.next_version, model(number), "sha256:data", WHEN)
    return releases


def states(releases: r.Releases) -> dict[int, str]:
    return {release.version: release.state for release in releases.releases}


def test_the_first_push_is_version_1_and_the_canary() -> None:
    releases = pushed(7)
    assert releases.labels == {"canary": 1}
    assert states(releases) == {1: "pushed"}
    assert releases.champion is None


def test_the_same_model_again_gets_no_second_release() -> None:
    once = pushed(7)
    assert r.add(once, once.next_version, model(7), "sha256:data", "later") == once


def test_a_promotion_keeps_one_way_back_and_retires_what_is_older() -> None:
    releases = pushed(1)
    for number in (1, 2, 3):
        releases = r.add(releases, number, model(number), "d", WHEN)
        releases = r.promote(releases, number, WHEN)
    assert states(releases) == {1: "retired", 2: "available", 3: "stable"}
    assert releases.served == (2, 3)
    assert releases.labels == {"stable": 3, "canary": 3}


def test_rolling_back_moves_stable_to_what_was_stable_before() -> None:
    releases = pushed(1)
    for number in (1, 2, 3):
        releases = r.promote(r.add(releases, number, model(number), "d", WHEN), number, WHEN)
    recalled = r.recall(releases, 1)
    assert 1 in recalled.served
    back = r.roll_back(recalled, 1, WHEN)
    assert states(back) == {1: "stable", 2: "retired", 3: "available"}
    with pytest.raises(Refused, match="never promoted"):
        r.roll_back(r.add(back, 4, model(4), "d", WHEN), 4, WHEN)


def test_a_canary_that_was_never_promoted_makes_way() -> None:
    assert states(pushed(1, 2)) == {1: "retired", 2: "pushed"}


def test_a_withdrawn_release_never_comes_back() -> None:
    releases = r.withdraw(pushed(1), 1)
    assert releases.labels == {}
    assert releases.served == ()
    with pytest.raises(Refused, match="withdrawn"):
        r.add(releases, 2, model(1), "d", WHEN)
    with pytest.raises(Refused, match="withdrawn"):
        r.promote(releases, 1, WHEN)
    with pytest.raises(Refused, match="stable"):
        r.withdraw(r.promote(pushed(1), 1, WHEN), 1)


def test_a_withdrawn_version_is_not_given_to_the_next_model() -> None:
    releases = r.withdraw(pushed(1), 1)
    assert releases.next_version == 2


def test_unknown_versions_and_records_are_refused_with_a_sentence() -> None:
    with pytest.raises(ArtifactMissing, match="known versions: 1, 2"):
        pushed(1, 2).release(3)
    with pytest.raises(ArtifactDamaged):
        r.Releases.of({"releases": [{"version": 1}]})
    with pytest.raises(InvalidName):
        r.ref_of("../x")


STEPS = st.lists(
    st.tuples(st.sampled_from(["push", "promote", "back", "withdraw", "recall"]), st.integers(1, 5))
)


@given(STEPS)
def test_whatever_happens_at_most_one_is_stable_and_every_label_is_served(
    steps: list[tuple[str, int]],
) -> None:
    releases = r.Releases()
    for step, number in steps:
        try:
            releases = {
                "push": lambda x, n: r.add(x, x.next_version, model(n), "d", WHEN),
                "promote": lambda x, n: r.promote(x, n, WHEN),
                "back": lambda x, n: r.roll_back(x, n, WHEN),
                "withdraw": r.withdraw,
                "recall": r.recall,
            }[step](releases, number)
        except (Refused, ArtifactMissing):
            continue
        found = states(releases)
        assert list(found.values()).count("stable") == ("stable" in releases.labels)
        assert set(releases.labels.values()) <= set(releases.served)
        assert r.Releases.of(releases.record()) == releases
        digests = [release.model.digest for release in releases.releases]
        assert len(digests) == len(set(digests))


def test_the_ref_names_the_champion_and_keeps_what_others_record(file_store: Store) -> None:
    refs = Refs(file_store)
    r.update(refs, "scarps", lambda x: r.add(x, 1, model(1), "d", WHEN))
    assert refs.document("models/scarps").items == {}
    r.update(refs, "scarps", lambda x: r.promote(x, 1, WHEN))
    assert refs.document("models/scarps").items == {"model": model(1)}
    tag = refs.read("models/scarps")[1]
    r.update(refs, "scarps", lambda x: r.promote(x, 1, "later"))
    assert refs.read("models/scarps")[1] == tag

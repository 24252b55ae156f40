"""A person's acceptance: for one subject, with a reason."""

from __future__ import annotations

import json

import pytest

from tasks.contract.errors import InvalidParams, NothingToDo

TEXT = 'title = "Here"\ncrs = "EPSG:32610"\nbounds = [0.0, 0.0, 1280.0, 1280.0]\ncell_m = 10.0\n'
GIVEN = {"region": "here", "reason": "the survey withdrew them\r\n(letter of 3 May)", "by": "geologist"}


@pytest.fixture
def config(config_folder):
    return config_folder(**{"regions/here": TEXT})


@pytest.fixture
def subject(make_artifact):
    return make_artifact("inventory", {"inventory.parquet": b"polygons"}, {"region": "here"})


def test_a_waiver_names_its_subject_and_says_who_and_why(run_task, config, subject) -> None:
    waiver = run_task("waive", {"subject": subject}, GIVEN, config)
    (item,) = waiver.manifest.inputs["subject"]
    assert waiver.properties["subject"] == item["digest"]
    assert waiver.properties["reason"] == GIVEN["reason"]
    assert json.loads(waiver.file("waiver.json").read_text()) == dict(waiver.properties)
    another = run_task("waive", {"subject": subject}, {**GIVEN, "by": "somebody else"}, config)
    assert another.key != waiver.key


@pytest.mark.parametrize("reason", ["", "-", "  \n"])
def test_without_a_reason_nothing_is_waived(run_task, config, subject, reason, file_store) -> None:
    with pytest.raises(NothingToDo, match="no reason given: nothing is waived") as raised:
        run_task("waive", {"subject": subject}, {**GIVEN, "reason": reason}, config)
    assert raised.value.exit_code == 99
    assert not list(file_store.names("artifacts/waiver/"))


@pytest.mark.parametrize(
    ("change", "says"),
    [({"reason": "x" * 501}, "at most 500"), ({"by": ""}, "by whom"), ({"reason": "a\x1b[2J"}, "plain text")],
)
def test_a_waiver_nobody_could_read_is_refused(run_task, config, subject, change, says) -> None:
    with pytest.raises(InvalidParams, match=says):
        run_task("waive", {"subject": subject}, {**GIVEN, **change}, config)

"""A candidate passes or is refused, with reasons a person can act on."""

import pytest

from tasks.contract.errors import BadData, InvalidParams, Refused
from tasks.contract.refs import Refs
from tasks.gate.judgement import reasons
from tasks.gate.spec import Params

FLOORS = Params(model="toys", iou=0.15, f1=0.25)
BASELINES = {"no_skill": {"iou": 0.03}, "slope_threshold": {"iou": 0.11}}
GATE = {
    "models/toys": 'target = "toys"\nregions = ["toy"]\nrecipe = "tiny"\n[gate]\niou = 0.15\nf1 = 0.25\n',
}


def figures(iou: float) -> dict[str, float]:
    return {"iou": iou, "f1": 2 * iou / (1 + iou)}


def test_a_good_candidate_gives_no_reason_to_refuse_it():
    assert reasons(figures(0.35), BASELINES, figures(0.36), FLOORS) == []


def test_every_floor_baseline_and_champion_it_misses_is_a_sentence():
    assert reasons(figures(0.12), BASELINES, figures(0.30), FLOORS) == [
        "test IoU is 0.120, the floor is 0.150",
        "test F1 is 0.214, the floor is 0.250",
        "test IoU is 0.120, the baseline slope threshold has 0.110; at least 0.130 is needed",
        "test IoU is 0.120, the champion has 0.300 on the same blocks; it may fall behind by 0.020 at most",
    ]


def test_a_figure_that_is_not_a_number_does_not_pass():
    assert len(reasons({"iou": float("nan"), "f1": float("nan")}, BASELINES, figures(0.1), FLOORS)) == 5


@pytest.fixture
def candidate(make_artifact, taken):
    """Puts a model and its evaluation into the store -> what gate takes."""

    def put(iou: float, subject: str | None = None) -> dict[str, str]:
        model = make_artifact("model", {"saved_model/saved_model.pb": b"model"}, {"target": "toys"})
        evaluation = {
            "subject": subject or taken(model).digest,
            "metrics": figures(iou),
            "baselines": BASELINES,
            "champion_metrics": None,
        }
        return {
            "model": model,
            "evaluation": make_artifact("evaluation", {"metrics.json": b"{}"}, evaluation),
        }

    return put


def test_a_verdict_that_passes_names_its_model_and_says_why(candidate, run_task, config_folder, taken):
    takes = candidate(0.35)
    verdict = run_task("gate", takes, {"model": "toys"}, config_folder(**GATE))
    assert verdict.properties["verdict"]["passed"]
    assert verdict.properties["verdict"]["reasons"][-1] == "there is no champion to compare with"
    assert verdict.properties["subject"] == taken(takes["model"]).digest


def test_a_refusal_is_kept_and_ends_the_task_with_99(candidate, run_task, config_folder, file_store):
    with pytest.raises(Refused, match=r"test IoU is 0\.120, the floor is 0\.150") as refusal:
        run_task("gate", candidate(0.12), {"model": "toys"}, config_folder(**GATE))
    assert refusal.value.exit_code == 99
    assert Refs(file_store).read("runs/test/run/gate-verdict")


def test_the_evaluation_of_another_model_is_no_evidence(candidate, run_task, config_folder):
    with pytest.raises(BadData, match="run evaluate_model for this model"):
        run_task("gate", candidate(0.35, subject="sha256:other"), {"model": "toys"}, config_folder(**GATE))


@pytest.mark.parametrize("gate", ["", "iou = 0.0\nf1 = 0.2", "iou = 0.2", "iou = 0.2\nf1 = 0.2\nx = 1"])
def test_a_gate_without_floors_above_zero_is_no_gate(config_folder, gate):
    config = config_folder(**{"models/toys": 'target = "toys"\n[gate]\n' + gate})
    with pytest.raises(InvalidParams, match=r"\[gate\]"):
        Params.of(config, model="toys")

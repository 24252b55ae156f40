"""The whole chain under Airflow, on a small synthetic region: once through, once more, and after an edit."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tasks.contract.refs import Refs
from tasks.runner import load_manifest
from tasks.store import Store, open_store

MODELS = ("deposits", "scarps")  # in the order of the mapped groups


class Chain:
    """The chain's refs, and its DAGs run one after another as their events would have them."""

    def __init__(self, stack: Any, store: Store) -> None:
        self.stack, self.refs, self.store = stack, Refs(store), store

    def items(self, ref: str) -> dict[str, Any]:
        """What a ref names."""
        return dict(self.refs.need(ref).items)

    def ingest(self) -> bool:
        """Run `ingest`; whether it announced."""
        states = self.stack.run("ingest", regions=["sample"])
        assert states["region.accept[0]"] == "success"
        return bool(states["region.announce[0]"] == "success")

    def dataset(self) -> list[str]:
        """Run `dataset`; the models it announced."""
        states = self.stack.run("dataset", region="sample")
        assert states["labels.accept[0]"] == states["labels.accept[1]"] == "success"
        return [m for n, m in enumerate(MODELS) if states[f"labels.announce[{n}]"] == "success"]

    def finish(self, model: str) -> None:
        """Run `train`, `release` and `predict`."""
        for dag in ("train", "release", "predict"):
            states = self.stack.run(dag, model=model)
            assert "failed" not in states.values()
            wanted = "region.accept[0]" if dag == "predict" else "announce"
            assert states[wanted] == "success", states


@pytest.fixture(scope="module")
def chain(stack: Any) -> Chain:
    """The store of the stack."""
    return Chain(stack, open_store(stack.environment["PIPELINE_STORE"]))


@pytest.mark.timeout(2700)  # a quarter of an hour on a slow machine with nothing else to do
def test_the_whole_job_then_again_then_after_an_edit(chain: Chain, subtests: Any) -> None:
    assert chain.ingest(), "new inputs are announced"
    assert chain.dataset() == list(MODELS), "both models have new data"
    for model in MODELS:
        chain.finish(model)

    with subtests.test("everything was made, and by what it should be"):
        for model in MODELS:
            made = chain.items(f"regions/sample/map.{model}")
            probability = load_manifest(chain.store, made["probability"])
            assert probability.properties["version"] == 1
            assert probability.properties["synthetic"]
            map_files = load_manifest(chain.store, made["map"]).files
            assert {"mask.tif", "polygons.gpkg", "preview.png"} <= set(map_files)
            served(chain, model, version=1)

    with subtests.test(
        "soil, lithology, climate and vegetation reach the stack and the served model by configuration"
    ):
        stack = load_manifest(chain.store, chain.items("regions/sample/dataset.scarps")["stack"])
        added = {band.partition("=")[0] for band in stack.properties["bands"][7:]}
        assert added == {"soil", "lithology", "climate", "vegetation"}
        assert channels(chain, "scarps") == len(stack.properties["bands"])
        assert channels(chain, "deposits") == 7

    with subtests.test("each event carried its region or model"):
        assert events() == {
            ("pipeline://inputs", "sample"),
            *(
                (f"pipeline://{asset}", model)
                for asset in ("dataset", "candidate", "model")
                for model in MODELS
            ),
        }

    with subtests.test("again: nothing is computed, announced or released"):
        before = sorted(chain.store.names("artifacts/"))
        assert not chain.ingest()
        assert sorted(chain.store.names("artifacts/")) == before

    stack_before = chain.items("regions/sample/dataset.deposits")
    scarps_before = chain.refs.need("regions/sample/dataset.scarps")
    chain.stack.edit_deposits("--id", "5")
    assert chain.ingest(), "an edited polygon is news"
    assert chain.ingest(), "announced again, for nobody listened: a lost event heals at the next ingest"
    assert chain.dataset() == ["deposits"], "only the edited target retrains"

    with subtests.test("the DEM and the stack are not computed again"):
        after = chain.items("regions/sample/dataset.deposits")
        assert after["stack"] == stack_before["stack"]
        assert after["stack-tiles"] == stack_before["stack-tiles"]
        assert after["mask"] != stack_before["mask"]
        scarps = chain.refs.need("regions/sample/dataset.scarps")
        assert scarps.items["mask-tiles"].digest == scarps_before.items["mask-tiles"].digest

    with subtests.test("a refused candidate is skipped, the champion goes on, and it is not trained again"):
        raise_the_floor(chain, "deposits")
        states = chain.stack.run("train", model="deposits")
        assert states["gate"] == states["accept"] == states["announce"] == "skipped"
        assert states["train_unet"] == "success"
        served(chain, "deposits", version=1)
        assert not chain.ingest(), "the same data are not trained again"

    with subtests.test("an inventory that shrank is held back, until a person says why it is right"):
        accepted = chain.items("regions/sample/inputs")
        chain.stack.edit_deposits("--keep", "0.5")
        states = chain.stack.run("ingest", regions=["sample"])
        assert states["region.validate_inventory[0]"] == "failed"
        assert states["region.accept[0]"] == "upstream_failed"
        assert chain.items("regions/sample/inputs") == accepted, "the last accepted inputs stay in use"
        assert chain.items("regions/sample/quarantine")["inventory"] != accepted["inventory"]
        states = chain.stack.run("ingest", regions=["sample"], reason="half of them were roads")
        assert states["region.accept[0]"] == "success"
        report = load_manifest(chain.store, chain.items("regions/sample/inputs")["inventory-report"])
        assert report.properties["waived"]["reason"] == "half of them were roads"
        assert chain.ingest(), "what was accepted once is not asked about again"


def events() -> set[tuple[str, str]]:
    """Asset and partition of every event that Airflow has recorded."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        return {(event.asset.uri.rstrip("/"), event.partition_key) for event in session.query(AssetEvent)}


def raise_the_floor(chain: Chain, model: str) -> None:
    """A gate that nothing passes."""
    path = chain.stack.config / "models" / f"{model}.toml"
    path.write_text(path.read_text().replace("iou = 0.02", "iou = 0.99"))


def channels(chain: Chain, model: str) -> int:
    """How many bands the served model takes."""
    url = f"{chain.stack.environment['PIPELINE_SERVING_REST']}/v1/models/{model}/metadata"
    with urllib.request.urlopen(url, timeout=10) as answer:
        signatures = json.load(answer)["metadata"]["signature_def"]["signature_def"]
    return int(signatures["serving_default"]["inputs"]["bands"]["tensor_shape"]["dim"][-1]["size"])


def served(chain: Chain, model: str, version: int) -> None:
    """The model server has the version, labelled stable."""
    url = f"{chain.stack.environment['PIPELINE_SERVING_REST']}/v1/models/{model}/labels/stable"
    with urllib.request.urlopen(url, timeout=10) as answer:
        (status,) = json.load(answer)["model_version_status"]
    assert (status["version"], status["state"]) == (str(version), "AVAILABLE")

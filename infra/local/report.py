"""What came of a region: figures, verdicts and releases as a table; pictures and maps as files to open."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tasks.contract.artifact import Item, RefDocument
from tasks.contract.config import Config
from tasks.contract.refs import Refs
from tasks.job import Artifact
from tasks.runner import load_manifest
from tasks.store import Store, open_store

COLUMNS = {
    "iou": "IoU",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "pr_auc": "PR-AUC",
    "loss": "loss",
    "accuracy": "accuracy",
    "all_background_accuracy": "(all background)",
}


class Results:
    """The accepted refs of a region and its models."""

    def __init__(self, store: Store, region: str, out: Path, cache: Path) -> None:
        self.store, self.refs, self.region, self.out, self.cache = store, Refs(store), region, out, cache

    def document(self, ref: str) -> RefDocument:
        """A ref; empty where it does not exist."""
        return self.refs.document(ref)

    def artifact(self, item: Item | None) -> Artifact | None:
        """An artifact by what a ref says of it."""
        return Artifact(self.store, load_manifest(self.store, item), self.cache) if item else None

    def save(self, artifact: Artifact, folder: str, wanted: tuple[str, ...] = ("",)) -> Path:
        """Copy an artifact's files whose names end as wanted to where a person finds them."""
        goal = self.out / folder
        for name in artifact.names:
            if name.endswith(wanted):
                path = goal / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(artifact.file(name).read_bytes())
        return goal


def figures(name: str, values: dict[str, Any]) -> str:
    """One line of the table."""
    return f"  {name:<28}" + "".join(
        f"{values[key]:>{max(len(title), 6) + 2}.3f}" for key, title in COLUMNS.items()
    )


def head() -> str:
    """The table's first line."""
    return f"  {'on the test blocks':<28}" + "".join(
        f"{title:>{max(len(title), 6) + 2}}" for title in COLUMNS.values()
    )


def tell_model(results: Results, model: str) -> None:
    """The figures of one model beside its baselines, its verdict, what is served, where its pictures are."""
    print(f"\n{Config().model(model)['title']} (model {model})")
    verdict = results.artifact(results.document(f"judged/{model}").items.get("verdict"))
    if verdict is None:
        print("  not judged yet")
        return
    inputs = verdict.manifest.inputs
    evaluation = results.artifact(Item(**inputs["evaluation"][0]))
    assert evaluation is not None
    properties = evaluation.properties
    print(head())
    print(figures("U-Net (candidate)", properties["metrics"]))
    if properties.get("champion_metrics"):
        print(figures("U-Net (champion)", properties["champion_metrics"]))
    for name, values in properties["baselines"].items():
        print(figures(name.replace("_", " "), values))
    low, high = properties["metrics"]["iou_interval"]
    print(f"  IoU interval {low:.3f} to {high:.3f} (90 %, over {properties['metrics']['blocks']} blocks)")
    said = verdict.properties["verdict"]
    print(f"  gate: {'passed' if said['passed'] else 'refused'}: {'; '.join(said['reasons'])}")
    record = results.document(f"models/{model}").record
    stable = record.get("labels", {}).get("stable")
    print(f"  served: {f'version {stable} (stable)' if stable else 'none'}")
    print(
        f"  candidate beside the truth: {results.save(evaluation, f'{model}/evaluation', ('.png', '.json'))}"
    )
    tiles = results.artifact(
        results.document(f"regions/{results.region}/dataset.{model}").items.get("augmented-tiles")
    )
    if tiles:
        print(f"  tiles beside their masks and twins: {results.save(tiles, model, ('.png',))}/contact.png")
    made = results.artifact(results.document(f"regions/{results.region}/map.{model}").items.get("map"))
    if made:
        folder = results.save(made, f"{model}/map")
        print(f"  map, version {made.properties['version']}: {folder}/preview.png, mask.tif, polygons.gpkg")


def main(region: str) -> None:
    """Print the table of a region and put what can be opened below PIPELINE_LOCAL/results."""
    config = Config()
    table = config.region(region)
    out = Path(os.environ["PIPELINE_LOCAL"]) / "results" / region
    with tempfile.TemporaryDirectory() as cache:
        results = Results(open_store(), region, out, Path(cache))
        print(f"{table['title']}")
        for model in config.models_of(region):
            tell_model(results, model)
        print()
        for kind, item in sorted(results.document(f"regions/{region}/inputs").items.items()):
            if kind.endswith("-report"):
                report = results.artifact(item)
                assert report is not None
                checks = report.properties["checks"]
                good = sum(check["passed"] for check in checks)
                print(f"Data quality, {kind.removesuffix('-report')}: {good} of {len(checks)} checks passed")


if __name__ == "__main__":
    main(sys.argv[1])

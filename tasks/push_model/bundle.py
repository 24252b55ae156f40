"""The immutable copy of a model that servers mirror: `serving/<model>/<version>/` in the store."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from serving.releases import RELEASE_FILE, release_folder
from tasks.contract.errors import ArtifactMissing, Conflict
from tasks.job import Artifact
from tasks.store import Store

SAVED_MODEL = "saved_model/"


def put_bundle(store: Store, name: str, model: Artifact, first_free: int) -> int:
    """Copy the SavedModel, its warm-up included, and return the version it got.

    A claim decides between two pushes that want one version, so that no folder ever mixes two models; a push that
    was killed goes on with its claim. `release.json` comes last and makes the copy count.
    """
    version = first_free
    while not _claim(store, name, version, model.digest):
        version += 1
    folder = release_folder(name, version)
    files = {n.removeprefix(SAVED_MODEL): n for n in model.names if n.startswith(SAVED_MODEL)}
    if "saved_model.pb" not in files:
        raise ArtifactMissing(f"model/{model.key} has no {SAVED_MODEL}saved_model.pb; run train_unet again")
    for target, source in files.items():
        store.upload(model.file(source), f"{folder}/{target}")
    document = release_document(name, version, model, files)
    content = json.dumps(document, indent=1, sort_keys=True).encode()
    with contextlib.suppress(Conflict):  # another attempt at the same model was faster, with the same files
        store.put(f"{folder}/{RELEASE_FILE}", content, if_absent=True)
    return version


def release_document(name: str, version: int, model: Artifact, files: dict[str, str]) -> dict[str, Any]:
    """What `release.json` says; `files` maps a file's name in the release to its name in the artifact."""
    entries = {target: model.manifest.files[source] for target, source in files.items()}
    return {
        "model": name,
        "version": version,
        "artifact": {"kind": model.kind, "key": model.key, "digest": model.digest},
        "files": {target: {"size": file.size, "sha256": file.sha256} for target, file in entries.items()},
    }


def _claim(store: Store, name: str, version: int, digest: str) -> bool:
    """Whether the version is this model's to write."""
    key = f"{release_folder(name, version)}/claim.json"
    try:
        store.put(key, json.dumps({"digest": digest}).encode(), if_absent=True)
    except Conflict:
        found = store.get_tagged(key)
        return found is not None and json.loads(found[0])["digest"] == digest
    return True

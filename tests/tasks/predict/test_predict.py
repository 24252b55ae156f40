"""A map made in windows through a real server equals the one that the model makes whole in this process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy import ndimage

from infra.local.ports import free_block
from serving import releases
from serving.client import RestClient
from serving.model_config import ModelConfig, to_text
from tasks.contract.errors import BadData, SourceUnavailable
from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.predict import recipe
from tasks.science.reach import halo_px
from tasks.store.raster import Part, read_window, write_cog
from tasks.train_unet import export, unet
from tasks.train_unet.normalisation import BandScaling
from tasks.train_unet.training import predictor

ROOT = Path(__file__).resolve().parents[3]
GRID = Grid("EPSG:32610", 0.0, 2560.0, 10.0, 320, 256)
LEVELS = 2
SCALINGS = tuple(
    BandScaling(band, "linear", 0.0, 1.0, 0.0, 1.0, -9.0, 9.0) for band in ("slope", "roughness")
)
CONFIG = {"models/toys": 'target = "toys"\nregions = ["toy"]\nrecipe = "tiny"\n'}


@pytest.fixture
def network() -> keras.Model:
    """A network whose map has some contrast: its weights are random, not small."""
    keras.utils.set_random_seed(1)
    model = unet.build(SCALINGS, levels=LEVELS, base=4, momentum=0.9, output_bias=0.0)
    model.get_layer("logits").set_weights([3 * weight for weight in model.get_layer("logits").get_weights()])
    return model


@pytest.fixture
def bands() -> np.ndarray:
    """Smooth synthetic ground with a hole, (H, W, C): roughness, slope, and a band the model does not read."""
    noise = np.random.default_rng(1).normal(size=(*GRID.shape, 3))
    ground = np.stack([ndimage.gaussian_filter(noise[..., i], 3) * 8 for i in range(3)], axis=-1)
    ground[100:110, 120:140] = np.nan
    return ground.astype(np.float32)


@pytest.fixture
def stack(make_artifact, tmp_path, bands) -> str:
    names = ["roughness", "slope", "openness"]
    raster = write_cog(tmp_path / "stack.tif", GRID, [Part(0, 0, np.moveaxis(bands, -1, 0))], bands=names)
    return make_artifact("stack", {"stack.tif": tmp_path / "stack.tif"}, {**raster, "region": "toy"})


@pytest.fixture
def model(make_artifact, tmp_path, network) -> str:
    """The network as an artifact, and as version 3 on the server's disk."""
    folder = tmp_path / "serving" / "toys" / "3"
    export.save(network, folder, len(SCALINGS))
    files = {f"saved_model/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    reads = {"bands": ["slope", "roughness"], "levels": LEVELS, "halo_px": halo_px(LEVELS), "threshold": 0.4}
    return make_artifact("model", files, reads)


@pytest.fixture
def release(model, file_store, taken):
    """Records the model as release 3."""
    return releases.update(
        Refs(file_store),
        "toys",
        lambda known: releases.add(known, 3, taken(model).item, "sha256:data", "2026-01-01"),
    )


@pytest.fixture
def server(model, tmp_path, monkeypatch):
    """The embedded model server with this one model."""
    first = free_block(2)
    grpc, rest = f"127.0.0.1:{first}", f"127.0.0.1:{first + 1}"
    config = tmp_path / "models.config"
    config.write_text(
        to_text([ModelConfig("toys", tmp_path / "serving" / "toys", frozenset({3}), {"stable": 3})])
    )
    where = ["--root", tmp_path / "serving", "--config", config, "--grpc", grpc, "--rest", rest]
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.model_server", *map(str, where)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    monkeypatch.setenv("PIPELINE_SERVING_GRPC", grpc)
    monkeypatch.setenv("PIPELINE_SERVING_REST", f"http://{rest}")
    deadline = time.monotonic() + 90
    while not available():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def available() -> bool:
    try:
        return RestClient().states("toys").get(3, ("", ""))[0] == "AVAILABLE"
    except SourceUnavailable:
        return False


@pytest.mark.usefixtures("server", "release")
def test_windows_through_the_server_equal_the_whole_in_process(
    model, stack, network, bands, run_task, config_folder, monkeypatch
):
    monkeypatch.setattr(recipe, "window_px", lambda *_: 128)  # six windows, seams where there could be any
    made = run_task("predict", {"model": model, "stack": stack}, {"model": "toys"}, config_folder(**CONFIG))
    found = read_window(made.file("probability.tif"), 0, 0, *GRID.shape)[0]
    whole = predictor(network)(bands[..., [1, 0]])
    unknown = np.isnan(bands[..., :2]).any(axis=-1)
    np.testing.assert_array_equal(np.isnan(found), unknown)
    assert np.ptp(whole) > 0.1
    np.testing.assert_allclose(found[~unknown], whole[~unknown], rtol=0, atol=1e-6)
    properties = made.properties
    assert (properties["model"], properties["version"], properties["threshold"]) == ("toys", 3, 0.4)
    assert (properties["region"], Grid.of(properties)) == ("toy", GRID)


def test_a_model_that_was_not_released_is_refused(model, stack, run_task, config_folder):
    with pytest.raises(BadData, match="is no release of toys; run release for it before predict"):
        run_task("predict", {"model": model, "stack": stack}, {"model": "toys"}, config_folder(**CONFIG))


def test_a_stack_without_the_models_bands_is_refused(model, stack, taken, make_artifact):
    other = make_artifact("stack", {"stack.tif": b""}, {"bands": ["slope"], "region": "toy"})
    with pytest.raises(BadData, match=r"reads bands \['roughness'\], the stack of toy has \['slope'\]"):
        recipe.indexes(taken(model), taken(other))


@pytest.mark.parametrize(("bands", "expected"), [(3, 1024), (7, 1024), (12, 512), (40, 256)])
def test_a_request_fits_into_a_message(bands, expected):
    assert recipe.window_px(bands, halo=112) == expected

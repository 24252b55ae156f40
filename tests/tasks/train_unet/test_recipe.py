"""train_unet as a task: a tiny run learns, and what it exports is what it trained."""

import csv

import numpy as np
import pytest
import tensorflow as tf

from tasks.contract.errors import BadData, InvalidParams
from tasks.contract.grid import Grid
from tasks.science.dataset import regions
from tasks.science.metrics import count
from tasks.science.splits import SPLITS
from tasks.science.windowed import predicted_whole
from tasks.science.windows import Window
from tasks.tile import spec as tiles_spec
from tasks.tile.layout import layout
from tasks.train_unet import normalisation, training, unet
from tasks.train_unet.recipe import check_buffer
from tasks.train_unet.spec import Params

TRAIN = """
[train]
levels = 2
base = 8
crop_px = 32
steps = 60
epochs = 4
batch = 8
learning_rate = 5e-3
curves = {roughness = "asinh"}
"""
SEED = """
[train]
levels = 2
base = 4
normalisation = "minmax"
sampling = "tiles"
loss = "bce"
schedule = "constant"
epochs = 3
patience = 2
batch = 8
"""
MODEL = 'title = "Toys"\ntarget = "toys"\nregions = ["toy"]\nrecipe = "tiny"\n'


def tiny(train: str = TRAIN) -> dict[str, str]:
    return {"recipes/tiny": train, "models/toys": MODEL}


@pytest.fixture
def config(config_folder):
    return config_folder(**tiny())


def served(artifact):
    loaded = tf.saved_model.load(str(artifact.folder("saved_model")))
    signature = loaded.signatures["serving_default"]
    return signature, lambda bands: signature(bands=tf.constant(bands[None]))["probability"][
        0, ..., 0
    ].numpy()


def test_a_tiny_run_learns_and_exports_what_it_learned(toy_tiles, run_task, config, unseen):
    trained = run_task("train_unet", toy_tiles(), {"model": "toys"}, config)
    with trained.file("history.csv").open() as lines:
        history = list(csv.DictReader(lines))
    assert float(history[-1]["loss"]) < 0.8 * float(history[0]["loss"])
    assert {"saved_model/assets.extra/tf_serving_warmup_requests", "history.png"} < set(trained.names)

    properties = trained.properties
    assert (properties["levels"], properties["reach_px"], properties["halo_px"]) == (2, 23, 24)
    assert properties["bands"] == ["slope", "roughness"]
    assert [band["curve"] for band in properties["normalisation"]] == ["linear", "asinh"]

    signature, predict = served(trained)
    (takes,) = signature.structured_input_signature[1].values()
    assert (takes.name, takes.dtype, takes.shape.as_list()) == ("bands", tf.float32, [None, None, None, 2])
    for shape in ((4, 4), (64, 36)):  # any size on the pooling grid, and unknown cells
        found = predict(np.full((*shape, 2), np.nan, np.float32))
        assert found.shape == shape
        assert ((found > 0) & (found < 1)).all()

    found = predicted_whole(unseen.bands_whole(), predict, halo=24, levels=2)
    counts = count(found, unseen.mask_whole("train", "validation", "test"), properties["threshold"])
    assert counts.iou > 3 * (1 - counts.all_background_accuracy)


@pytest.fixture
def unseen(toy_tiles, taken):
    """Other ground of the same kind."""
    refs = toy_tiles(seed=7)
    return regions([taken(refs["stacks"])], [taken(refs["masks"])])[0]


def test_the_seed_recipe_trains_on_tiles(toy_tiles, run_task, config_folder):
    made = run_task("train_unet", toy_tiles(), {"model": "toys"}, config_folder(**tiny(SEED)))
    assert 1 <= made.properties["epochs"] <= 3
    assert [band["low"] for band in made.properties["normalisation"]] == [0.0, 0.0]


def test_two_regions_make_one_model(toy_tiles, run_task, config_folder):
    one, other = toy_tiles("one"), toy_tiles("two", seed=2)
    takes = {name: [one[name], other[name]] for name in one}
    short = TRAIN.replace("steps = 60", "steps = 4")
    made = run_task("train_unet", takes, {"model": "toys"}, config_folder(**tiny(short)))
    assert made.properties["regions"] == ["one", "two"]
    with pytest.raises(BadData, match=r"regions \['two'\] have band tiles or mask tiles, not both"):
        run_task("train_unet", {**takes, "stacks": one["stacks"]}, {"model": "toys"}, config_folder(**tiny()))


def test_whole_tiles_are_the_sampled_ones_and_those_that_overlap_them(
    toy_tiles, run_task, config_folder, monkeypatch, taken
):
    fed, fit = [], training.fit_tiles

    def fit_and_count(network, params, tiles, validation):
        fed.append((len(tiles[0]), len(validation[0])))
        return fit(network, params, tiles, validation)

    monkeypatch.setattr(training, "fit_tiles", fit_and_count)
    config = config_folder(**tiny(SEED.replace("epochs = 3", "epochs = 1")))
    expected = []
    for settings in ({"empty_share": 0.0}, {"overlap_px": 16}):
        refs = toy_tiles(**settings)
        run_task("train_unet", refs, {"model": "toys"}, config)
        (area,) = regions([taken(refs["stacks"])], [taken(refs["masks"])])
        twins = np.load(taken(refs["augmented"]).file("masks.npy"))
        expected.append((len(area.training_tiles()[0]) + len(twins), (area.splits == "validation").sum()))
    assert fed == expected
    assert fed[0] < fed[1]


def test_a_network_that_sees_across_the_buffer_is_refused(toy_tiles, run_task, config_folder):
    deep = TRAIN.replace("levels = 2", "levels = 3")
    with pytest.raises(BadData, match="lie 23 cells apart, a U-Net of 3 levels sees 51"):
        run_task("train_unet", toy_tiles(), {"model": "toys"}, config_folder(**tiny(deep)))


def test_tiles_that_say_why_their_buffer_is_small_are_taken_and_the_reason_is_told(capsys):
    tiles = {"region": "here", "buffer_px": 22, "buffer_reason": "a comparison"}
    check_buffer([tiles], 2)
    assert capsys.readouterr().out == (
        "the splits of here lie 22 cells apart, a U-Net of 2 levels sees 23: a comparison\n"
    )
    check_buffer([{**tiles, "buffer_px": 23}], 2)
    assert not capsys.readouterr().out
    with pytest.raises(BadData, match="raise buffer_px under"):
        check_buffer([{**tiles, "buffer_reason": ""}], 2)


@pytest.mark.parametrize(("buffer_px", "leaks"), [(107, False), (0, True)])
def test_by_default_no_test_cell_sees_training_ground_and_without_a_buffer_some_do(buffer_px, leaks):
    """All weights positive, so that no two ways through the network cancel out and every cell read shows."""
    grid = Grid("EPSG:32610", 0.0, 15360.0, 10.0, 1536, 1152)
    plan = layout(grid, tiles_spec.Params(buffer_px=buffer_px))  # the default network has 4 levels
    whole = Window(0, 0, *grid.shape)
    splits, kept = plan.cells(whole), ~plan.near_border(whole)
    training_ground, test_ground = (kept & (splits == SPLITS.index(name)) for name in ("train", "test"))
    assert training_ground.any()
    assert test_ground.any()
    plain = (normalisation.BandScaling("a", "linear", 0.0, 1.0, 0.0, 1.0, -9.0, 9.0),)
    network = unet.build(plain, levels=4, base=2, momentum=0.9, output_bias=-1.0)
    network.set_weights([np.abs(weight) + 0.01 for weight in network.get_weights()])
    ground = np.full((1, *grid.shape, 1), 0.1, np.float32)
    before = network.predict_on_batch(ground)
    ground[0, training_ground] += 1.0
    changed = (network.predict_on_batch(ground) != before)[0, ..., 0]
    assert changed[training_ground].all()
    assert changed[test_ground].any() == leaks


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('loss = "mse"', "loss must be one of"),
        ("crop_px = 40\nlevels = 4", "crop_px must be a multiple of 2\\^levels = 16"),
        ("step = 5", r"unknown settings \['step'\]"),
        ("positive_share = 2.0", "positive_share must lie between 0 and 1"),
        ("steps = 5\nepochs = 9", "5 steps cannot make 9 epochs"),
        ('curves = {slope = "sqrt"}', "knows linear, asinh and log"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused_with_a_sentence(config_folder, line, says):
    config = config_folder(**tiny("[train]\n" + line))
    with pytest.raises(InvalidParams, match=says):
        Params.of(config, model="toys")

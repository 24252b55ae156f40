"""No augmented twin crosses a split: what a twin knows is training ground, away from every other split."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import ndimage

from tasks.contract.grid import Grid
from tasks.science.tiles import cut
from tasks.science.windows import Window
from tasks.tile.layout import layout
from tasks.tile.spec import Params

GRID = Grid("EPSG:32610", 0.0, 10240.0, 10.0, 512, 512)
TILE_PX, BUFFER_PX = 32, 51
CONFIG = {"recipes/small": "[augment]\nflips = 0.5\nrotations = true\nseed = 1"}


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.fixture
def plan():
    params = Params(
        tile_px=TILE_PX, block_tiles=4, buffer_px=BUFFER_PX, levels=3, split_seed=5, shares=(0.5, 0.25, 0.25)
    )
    return layout(GRID, params)


@pytest.fixture
def takes(make_artifact, plan, masked_whole):
    """Tiles whose band is the number of each cell, so that a twin tells where its cells come from."""
    rng = np.random.default_rng(4)
    positive = (ndimage.gaussian_filter(rng.normal(size=GRID.shape), 5) > 0.05).astype(np.uint8)
    numbers = ndimage.label(positive)[0].astype(np.uint32)
    masks = cut(masked_whole(plan, positive, numbers), TILE_PX)
    cells = np.arange(GRID.width * GRID.height, dtype=np.float32).reshape(*GRID.shape, 1)
    columns = plan.columns() | {"sampled": np.ones(len(masks), bool), "positive_share": np.zeros(len(masks))}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    index = {"index.parquet": file.getvalue()}
    about = {**GRID.properties(), "region": "here", "tile_px": TILE_PX, "splits": plan.counts()}
    return {
        "stack": make_artifact(
            "stack-tiles", {"tiles.npy": npy(cut(cells, TILE_PX)), **index}, {**about, "bands": ["cell"]}
        ),
        "masks": make_artifact(
            "mask-tiles", {"tiles.npy": npy(masks), **index}, {**about, "target": "scarps"}
        ),
    }


def test_what_a_twin_knows_lies_in_training_and_further_from_the_rest_than_the_buffer(
    takes, plan, run_task, config_folder
):
    made = run_task("augment", takes, {"recipe": "small"}, config_folder(**CONFIG))
    images, masks = (np.load(made.file(name)) for name in ("images.npy", "masks.npy"))
    cells = images[masks != 255, 0].astype(int)
    twinned = np.zeros(GRID.shape, bool)
    twinned.ravel()[cells] = True
    splits = plan.cells(Window(0, 0, *GRID.shape))
    assert twinned.any()
    assert len(set(np.unique(splits))) == 3
    assert (splits[twinned] == 0).all()
    away = ndimage.distance_transform_cdt(splits == 0, metric="chessboard")[twinned].min()
    assert 2 * away - 1 >= BUFFER_PX

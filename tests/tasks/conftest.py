"""A synthetic region as the tasks that learn see it."""

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.job import Artifact
from tasks.runner import load_manifest
from tasks.science.splits import masked_by_split
from tasks.science.tiles import cut
from tasks.tile.layout import layout

GRID = Grid("EPSG:32610", 0.0, 5120.0, 10.0, 256, 256)
TILE_PX, BLOCK_TILES, BUFFER_PX = 32, 2, 23


def as_bytes(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def index_of(rows: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    table = csv.DictWriter(out, rows[0])
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()


@pytest.fixture
def toy_tiles(make_artifact, file_store) -> Callable[..., dict[str, str]]:
    """Puts stack-tiles, mask-tiles and augmented-tiles of a small synthetic region into the store -> refs.

    Positive is ground that is steep and rough at once, so neither band alone tells all of it.
    """

    def put(region: str = "toy", seed: int = 1, split_seed: int = 4) -> dict[str, str]:
        rng = np.random.default_rng(seed)
        steep, rough = (ndimage.gaussian_filter(rng.normal(size=GRID.shape), 6) for _ in range(2))
        steep, rough = steep / steep.std(), rough / rough.std()
        positive = ((steep > 0.3) & (rough > 0.3)).astype(np.uint8)
        numbers = ndimage.label(positive)[0].astype(np.uint32)
        bands = np.stack([20 + 8 * steep, rough], axis=-1).astype(np.float32)
        bands[3:6, 7:9] = np.nan
        positive[3:6, 7:9] = 255
        plan = layout(GRID, TILE_PX, BLOCK_TILES, (0.5, 0.25, 0.25), split_seed)
        masks = cut(masked_by_split(positive, numbers, plan.cells, BUFFER_PX), TILE_PX)
        images, rows = cut(bands, TILE_PX), plan.rows()
        train = [row["tile"] for row in rows if row["split"] == "train"]
        shared = {
            **GRID.properties(),
            "region": region,
            "synthetic": True,
            "tile_px": TILE_PX,
            "splits": plan.counts(),
            "buffer_px": BUFFER_PX,
            "block_tiles": BLOCK_TILES,
        }
        index = {"index.csv": index_of(rows)}
        flipped = {
            "images.npy": as_bytes(images[train, :, ::-1]),
            "masks.npy": as_bytes(masks[train, :, ::-1]),
        }
        masks_ref = make_artifact(
            "mask-tiles", {"tiles.npy": as_bytes(masks), **index}, {**shared, "target": "toys"}
        )
        subject = Refs(file_store).need(masks_ref).items["mask-tiles"].digest
        passed = {"verdict": {"passed": True, "reasons": []}, "subject": subject, "region": region}
        made = {
            "stacks": make_artifact(
                "stack-tiles",
                {"tiles.npy": as_bytes(images), **index},
                {**shared, "bands": ["slope", "roughness"]},
            ),
            "masks": masks_ref,
            "augmented": make_artifact("augmented-tiles", flipped, {"region": region, "target": "toys"}),
            "reports": make_artifact("mask-tiles-report", {"index.html": region.encode()}, passed),
        }
        return made

    return put


@pytest.fixture
def taken(file_store, tmp_path) -> Callable[[str], Artifact]:
    """The artifact that a ref names."""

    def take(ref: str) -> Artifact:
        (item,) = Refs(file_store).need(ref).items.values()
        return Artifact(file_store, load_manifest(file_store, item), tmp_path / "taken")

    return take

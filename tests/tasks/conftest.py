"""A synthetic region as the tasks that learn see it."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import ndimage

from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.job import Artifact
from tasks.runner import load_manifest
from tasks.science.splits import SPLITS, masked
from tasks.science.tiles import cut_at
from tasks.science.windows import Window
from tasks.tile.layout import Layout, layout
from tasks.tile.spec import Params

GRID = Grid("EPSG:32610", 0.0, 5120.0, 10.0, 256, 256)
TILE_PX, BLOCK_TILES, BUFFER_PX, LEVELS = 32, 2, 23, 2
RECORDED = ("tile_px", "block_tiles", "buffer_px", "buffer_reason", "split_seed", "overlap_px", "hold_out")


def as_bytes(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def index_of(plan: Layout, positive: np.ndarray) -> bytes:
    """An index.parquet without footprints."""
    columns = {**plan.columns(), "positive_share": positive, "sampled": plan.sampled(positive > 0)}
    out = io.BytesIO()
    pq.write_table(pa.table({**columns, "valid_share": np.ones(len(positive))}), out)
    return out.getvalue()


def mask_by_split(plan: Layout, mask: np.ndarray, landslides: np.ndarray) -> np.ndarray:
    """A whole region's mask as tile leaves it, with every landslide at home where most of its cells are."""
    whole = Window(0, 0, *plan.grid.shape)
    splits = plan.cells(whole)
    counts = np.zeros((landslides.max() + 1, len(SPLITS)))
    np.add.at(counts, (landslides, splits), 1)
    home = counts.argmax(axis=1).astype(np.uint8)
    return masked(mask, landslides, splits, plan.near_border(whole), home)


@pytest.fixture
def masked_whole() -> Callable[..., np.ndarray]:
    """`mask_by_split`, for tests of what comes after tile."""
    return mask_by_split


@pytest.fixture
def toy_tiles(make_artifact, file_store) -> Callable[..., dict[str, str]]:
    """Puts stack-tiles, mask-tiles and augmented-tiles of a small synthetic region into the store -> refs.

    Positive is ground that is steep and rough at once, so neither band alone tells all of it. `tiles` are settings.
    """

    def put(region: str = "toy", seed: int = 1, grid: Grid = GRID, **tiles: Any) -> dict[str, str]:
        rng = np.random.default_rng(seed)
        steep, rough = (ndimage.gaussian_filter(rng.normal(size=grid.shape), 6) for _ in range(2))
        steep, rough = steep / steep.std(), rough / rough.std()
        positive = ((steep > 0.3) & (rough > 0.3)).astype(np.uint8)
        numbers = ndimage.label(positive)[0].astype(np.uint32)
        bands = np.stack([20 + 8 * steep, rough], axis=-1).astype(np.float32)
        bands[3:6, 7:9] = np.nan
        positive[3:6, 7:9] = 255
        settings = {
            "tile_px": TILE_PX,
            "block_tiles": BLOCK_TILES,
            "split_seed": 4,
            "shares": (0.5, 0.25, 0.25),
            "buffer_px": BUFFER_PX,
            "levels": LEVELS,
            **tiles,
        }
        plan = layout(grid, Params(**settings))
        px = plan.params.tile_px
        mask = mask_by_split(plan, positive, numbers)
        rows, cols = plan.places.T
        images = cut_at(np.moveaxis(bands, -1, 0), rows, cols, px)
        masks = cut_at(mask, rows, cols, px)
        found, own = (masks == 1).sum(axis=(1, 2)), ~plan.extra
        index = {"index.parquet": index_of(plan, found / px**2)}
        train = np.flatnonzero(plan.codes == 0)
        shared = {
            **grid.properties(),
            "region": region,
            "synthetic": True,
            "splits": plan.counts(),
            **{name: getattr(plan.params, name) for name in RECORDED},
            "shares": list(plan.params.shares),
        }
        known = (masks != 255).sum(axis=(1, 2))
        positives, cells = (
            {name: int(count[own & (plan.codes == code)].sum()) for code, name in enumerate(SPLITS)}
            for count in (found, known)
        )
        rates = {name: positives[name] / max(cells[name], 1) for name in SPLITS}
        flipped = {
            "images.npy": as_bytes(images[train, :, ::-1]),
            "masks.npy": as_bytes(masks[train, :, ::-1]),
        }
        masks_ref = make_artifact(
            "mask-tiles",
            {"tiles.npy": as_bytes(masks), **index},
            {**shared, "target": "toys", "positives": positives, "base_rate": rates},
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

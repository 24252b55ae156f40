"""Read the tiles, fit the scaling and the network, choose the threshold on validation, export."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from serving.warmup import write_warmup
from tasks.contract.errors import BadData
from tasks.science.dataset import Region, regions
from tasks.science.metrics import best_threshold
from tasks.science.reach import halo_px, reach_px
from tasks.science.windowed import predicted_whole
from tasks.train_unet import curves, export, normalisation, training, unet
from tasks.train_unet.sampling import Crops, Images, Masks, Mosaic
from tasks.train_unet.spec import Params


def run(job: Any) -> dict[str, Any]:
    """Write saved_model/, history.csv and history.png."""
    params: Params = job.params
    stacks, masks = job.many("stacks"), job.many("masks")
    check_buffer([mask.properties for mask in masks], params.levels)
    areas, twins = regions(stacks, masks), augmented(job.many("augmented"))
    keras.utils.set_random_seed(params.seed)
    bands = areas[0].bands
    scalings = normalisation.fit(
        training_cells(areas), bands, params.normalisation, dict(params.curves), params.clip
    )
    network = unet.build(
        scalings,
        levels=params.levels,
        base=params.base,
        momentum=params.momentum,
        output_bias=params.output_bias,
    )
    history = fitted(network, params, areas, twins)
    threshold = chosen_threshold(network, areas, params.levels)
    export.save(network, job.out / "saved_model", len(bands))
    write_warmup(job.out / "saved_model", areas[0].images[:1], params.model)
    curves.write_table(history, job.out / "history.csv")
    curves.draw(history, f"{params.model}: {len(history['loss'])} epochs").savefig(
        job.out / "history.png", dpi=120
    )
    return {
        "target": masks[0].properties["target"],
        "regions": [area.name for area in areas],
        "bands": list(bands),
        "levels": params.levels,
        "reach_px": reach_px(params.levels),
        "halo_px": halo_px(params.levels),
        "normalisation": [scaling.properties() for scaling in scalings],
        "threshold": threshold,
        "epochs": len(history["loss"]),
        "parameters": network.count_params(),
        "data": {mask.properties["region"]: [mask.digest] for mask in masks},
        "synthetic": any(mask.properties.get("synthetic", False) for mask in masks),
    }


def check_buffer(tiles: list[dict[str, Any]], levels: int) -> None:
    """A network that sees further than the buffer would see its test blocks' ground in training.

    Raises BadData, unless the tiles say why they were made so.
    """
    for properties in tiles:
        if properties["buffer_px"] >= reach_px(levels):
            continue
        found = (
            f"the splits of {properties['region']} lie {properties['buffer_px']} cells apart, a U-Net of {levels} "
            f"levels sees {reach_px(levels)}"
        )
        if not properties.get("buffer_reason"):
            raise BadData(f"{found}; raise buffer_px under [tiles] of the recipe or lower levels")
        print(f"{found}: {properties['buffer_reason']}")


def augmented(shards: list[Any]) -> tuple[Images, Masks]:
    """The augmented training tiles of all regions, (N, t, t, C) and (N, t, t)."""
    images = [np.load(shard.file("images.npy"), allow_pickle=False) for shard in shards]
    masks = [np.load(shard.file("masks.npy"), allow_pickle=False) for shard in shards]
    return np.concatenate(images), np.concatenate(masks)


def training_cells(areas: list[Region]) -> NDArray[np.float32]:
    """The bands of all training cells of all regions, (N, C)."""
    return np.concatenate([area.images[area.masks_of("train") != 255] for area in areas])


def tiles_of(areas: list[Region], split: str) -> tuple[Images, Masks]:
    """The tiles of a split of all regions, (N, t, t, C) and (N, t, t, 1)."""
    images = np.concatenate([area.images[area.splits == split] for area in areas])
    return images, np.concatenate([area.masks[area.splits == split] for area in areas])[..., None]


def fitted(
    network: keras.Model, params: Params, areas: list[Region], twins: tuple[Images, Masks]
) -> training.History:
    """Train as the recipe says."""
    validation = tiles_of(areas, "validation")
    if params.sampling == "tiles":
        images, masks = zip(*(area.training_tiles() for area in areas), strict=True)
        both = np.concatenate([*images, twins[0]]), np.concatenate([*masks, twins[1]])[..., None]
        return training.fit_tiles(network, params, both, validation)
    crops = Crops(
        [Mosaic(area.bands_whole(), area.mask_whole("train")) for area in areas],
        twins,
        areas[0].bands,
        size=params.crop_px,
        positive_share=params.positive_share,
        augmented_share=params.augmented_share,
        seed=params.seed,
    )
    return training.fit_crops(network, params, crops, validation)


def chosen_threshold(network: keras.Model, areas: list[Region], levels: int) -> float:
    """The best threshold on the validation cells, from maps made the way maps will be made."""
    predict = training.predictor(network)
    maps = [
        predicted_whole(area.bands_whole(), predict, halo=halo_px(levels), levels=levels) for area in areas
    ]
    masks = [area.mask_whole("validation") for area in areas]
    return best_threshold(
        np.concatenate([m.ravel() for m in maps]), np.concatenate([m.ravel() for m in masks])
    )

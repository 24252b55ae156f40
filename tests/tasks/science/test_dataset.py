"""Regions of one model: what is read of each, and which may stand beside which."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.science.dataset import near, regions
from tasks.science.tiles import mosaic

HERE = Grid("EPSG:32610", 0.0, 5120.0, 10.0, 256, 256)
BESIDE = replace(HERE, left=HERE.left + 2560.0)
FAR = replace(HERE, left=HERE.left + 256000.0)


@pytest.fixture
def read(toy_tiles, taken):
    """Puts toy regions with these settings into the store and reads them: read({...}, {...}) -> regions."""

    def go(*settings):
        refs = [toy_tiles(region=f"r{n}", seed=n + 1, **one) for n, one in enumerate(settings)]
        return regions([taken(ref["stacks"]) for ref in refs], [taken(ref["masks"]) for ref in refs])

    return go


def test_overlapping_tiles_are_no_part_of_the_map_and_train_beside_it(read):
    (plain,), (overlapping,) = read({}), read({"overlap_px": 16})
    assert len(plain.extra_images) == 0 < len(overlapping.extra_images)
    assert overlapping.bands_whole().shape == (256, 256, 2)
    splits = ("train", "validation", "test")
    np.testing.assert_array_equal(overlapping.mask_whole(*splits), plain.mask_whole(*splits))
    images, masks = overlapping.training_tiles()
    train = (plain.splits == "train").sum()
    assert len(images) == len(masks) == train + len(overlapping.extra_images)
    np.testing.assert_array_equal(images[train:], overlapping.extra_images)


def test_training_draws_the_sampled_tiles_and_the_map_keeps_all(read):
    (all_tiles,), (some,) = read({"overlap_px": 16}), read({"overlap_px": 16, "empty_share": 0.0})
    _, masks = some.training_tiles()
    assert 0 < len(masks) < len(all_tiles.training_tiles()[1])
    assert (masks == 1).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(mosaic(some.masks, 8, 8), mosaic(all_tiles.masks, 8, 8))


def test_regions_are_near_within_the_buffer_also_across_crs():
    def region(grid, buffer_px=23):
        return {**grid.properties(), "buffer_px": buffer_px}

    for cells, expected in ((-256, True), (0, True), (22, True), (23, False), (1000, False)):
        other = replace(HERE, left=HERE.left + (256 + cells) * 10.0)
        assert near(region(HERE), region(other)) is near(region(other), region(HERE)) is expected
    assert near(region(HERE), region(replace(HERE, left=2800.0), buffer_px=60))
    border = Grid("EPSG:32610", 770000.0, 4200000.0, 10.0, 512, 512)  # -119.9 deg: also in the next zone
    zone_11 = Grid("EPSG:32611", 242000.0, 4200000.0, 10.0, 512, 512)
    assert near(region(border), region(zone_11))
    assert near(region(zone_11), region(border))
    assert not near(region(border), region(replace(zone_11, left=300000.0)))


def test_a_region_far_away_may_be_held_out_and_one_beside_may_not(read):
    held_out = {"hold_out": "test"}
    names = [area.name for area in read({"grid": HERE}, {"grid": FAR, **held_out})]
    assert names == ["r0", "r1"]
    with pytest.raises(
        BadData, match=r"regions r0 and r1 .* differ in hold_out '' and 'test': .* change \[tiles\]"
    ):
        read({"grid": HERE}, {"grid": BESIDE, **held_out})


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ({}, {"split_seed": 5}, "split_seed 4 and 5"),
        ({}, {"buffer_px": 24}, "buffer_px 23 and 24"),
        ({}, {"block_tiles": 3}, "block_tiles 2 and 3"),
        ({}, {"shares": (0.6, 0.2, 0.2)}, r"shares \[0.5, 0.25, 0.25\] and \[0.6, 0.2, 0.2\]"),
        ({}, {"grid": replace(BESIDE, cell_m=20.0)}, "cell_m 10.0 and 20.0"),
        (
            {"grid": Grid("EPSG:32610", 770560.0, 4200320.0, 10.0, 256, 256)},
            {"grid": Grid("EPSG:32611", 242560.0, 4200320.0, 10.0, 256, 256)},
            "crs 'EPSG:32610' and 'EPSG:32611'",
        ),
    ],
)
def test_regions_that_meet_must_be_split_alike(read, one, other, says):
    with pytest.raises(BadData, match=f"within the buffer of each other but differ in {says}"):
        read(one, {"grid": BESIDE, **other})


def test_tiles_of_two_sizes_make_no_model(read):
    with pytest.raises(BadData, match="regions r0 and r1 of one model have tiles of 32 and 64 cells"):
        read({}, {"grid": FAR, "tile_px": 64, "block_tiles": 1})


def test_every_split_must_have_a_landslide_in_some_region(read):
    split = [{"grid": replace(HERE, left=HERE.left + n * 256000.0)} for n in range(3)]
    holds = ("train", "validation", "test")
    assert len(read(*({**one, "hold_out": hold} for one, hold in zip(split, holds, strict=True)))) == 3
    with pytest.raises(
        BadData, match=r"no region .* split validation .* hold_out of a region \(now {'r0': 'train'"
    ):
        read({**split[0], "hold_out": "train"}, {**split[1], "hold_out": "test"})

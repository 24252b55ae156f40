"""What tile takes, makes and depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Params:
    """The [tiles] of a recipe or of a region's file, and the levels of the network that will read them.

    tile_px        a tile's side in cells
    block_tiles    a block's side in tiles; a block is of one split
    shares         parts of the blocks for training, validation and test (`split` in the file)
    split_seed     another seed is another draw of the blocks
    buffer_px      cells that two splits' known cells lie apart at least
    buffer_reason  why `buffer_px` may be less than the network sees; without a reason that is refused
    overlap_px     cells that training tiles share with the next: 0, a half or three quarters of `tile_px`
    hold_out       the one split that a whole region belongs to; "" where blocks decide
    empty_share    share of the training tiles without a landslide that training draws
    levels         of the recipe's [train]
    """

    tile_px: int = 64
    block_tiles: int = 6
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    split_seed: int = 1
    buffer_px: int = 107
    buffer_reason: str = ""
    overlap_px: int = 0
    hold_out: str = ""
    empty_share: float = 1.0
    levels: int = 4

    def __post_init__(self) -> None:
        if self.tile_px < 16 or self.tile_px % 16:
            raise InvalidParams(f"tile_px must be a multiple of 16, found {self.tile_px}")
        if self.block_tiles < 1:
            raise InvalidParams(f"block_tiles must be at least 1, found {self.block_tiles}")
        if not 0 <= self.buffer_px < self.block_tiles * self.tile_px:
            raise InvalidParams(
                f"buffer_px must lie between 0 and a block's {self.block_tiles * self.tile_px} cells, "
                f"found {self.buffer_px}; raise block_tiles"
            )
        if min(self.shares) <= 0 or not math.isclose(sum(self.shares), 1.0):
            raise InvalidParams(f"the splits' shares must be above 0 and sum to 1, found {list(self.shares)}")
        overlaps = (0, self.tile_px // 2, self.tile_px * 3 // 4)
        if self.overlap_px not in overlaps:
            raise InvalidParams(f"overlap_px must be one of {overlaps}, found {self.overlap_px}")
        if self.hold_out not in ("", *SPLITS):
            raise InvalidParams(f"hold_out must be one of {', '.join(SPLITS)}, found {self.hold_out!r}")
        if not 0 <= self.empty_share <= 1:
            raise InvalidParams(f"empty_share must lie between 0 and 1, found {self.empty_share}")
        if not 1 <= self.levels <= 6:
            raise InvalidParams(f"[train] levels must lie between 1 and 6, found {self.levels}")
        if self.tile_px % 2**self.levels:
            raise InvalidParams(
                f"a U-Net of [train] levels = {self.levels} takes tiles of a multiple of {2**self.levels} cells, found "
                f"tile_px = {self.tile_px}; change one of them"
            )

    @classmethod
    def of(cls, config: Config, *, region: str, recipe: str) -> Params:
        """The recipe's [tiles]; a [tiles] in the region's file overrides it, for a region of few blocks."""
        entry = config.recipe(recipe)
        if "hold_out" in entry["tiles"]:
            raise InvalidParams(
                f"[tiles] hold_out of recipe {recipe}: every region would be one split; "
                "put it into the file of the region to hold out"
            )
        tiles = {**entry["tiles"], **config.region(region).get("tiles", {})}
        try:
            if split := tiles.pop("split", None):
                tiles["shares"] = (split["train"], split["validation"], split["test"])
            return cls(**tiles, levels=entry.get("train", {}).get("levels", cls.levels))
        except (TypeError, KeyError) as error:
            raise InvalidParams(f"[tiles] of recipe {recipe} or region {region}: {error!r}") from error


SPEC = TaskSpec(
    name="tile",
    image="terrain",
    takes={"raster": Input("stack", "mask")},
    makes={"tiles": "{raster}-tiles"},
    params=Params,
    libraries=("numpy", "scipy", "rasterio", "geopandas", "shapely", "pyarrow"),
    uses=(
        "tasks.science.npy",
        "tasks.science.reach",
        "tasks.science.splits",
        "tasks.science.tiles",
        "tasks.science.windows",
    ),
)

"""What tile takes, makes and depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.contract.config import Config
from tasks.contract.errors import InvalidParams
from tasks.contract.spec import Input, TaskSpec


@dataclass(frozen=True)
class Params:
    """Tile and block size, the splits' shares (train, validation, test), and the buffer between them in cells."""

    tile_px: int = 64
    block_tiles: int = 6
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    split_seed: int = 1
    buffer_px: int = 107

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

    @classmethod
    def of(cls, config: Config, *, region: str, recipe: str) -> Params:
        """The recipe's [tiles]; a [tiles] in the region's file overrides it, for a region of few blocks."""
        tiles = {**config.recipe(recipe)["tiles"], **config.region(region).get("tiles", {})}
        try:
            if split := tiles.pop("split", None):
                tiles["shares"] = (split["train"], split["validation"], split["test"])
            return cls(**tiles)
        except (TypeError, KeyError) as error:
            raise InvalidParams(f"[tiles] of recipe {recipe} or region {region}: {error!r}") from error


SPEC = TaskSpec(
    name="tile",
    image="terrain",
    takes={"raster": Input("stack", "mask")},
    makes={"tiles": "{raster}-tiles"},
    params=Params,
    libraries=("numpy", "scipy", "rasterio"),
    uses=("tasks.science.splits", "tasks.science.tiles"),
)

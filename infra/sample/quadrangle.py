"""Make the sample quadrangle: elevation products, inventory, soil and other layers, a picture. All of it synthetic.

python -m infra.sample.quadrangle --out DIR [--seed N] [--small]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from scipy import ndimage

from infra.sample.confusers import Confusers, add_confusers
from infra.sample.folder import INVENTORY, METADATA, metadata, replacing, write_layers, write_metadata
from infra.sample.hillshade import write_hillshade
from infra.sample.landscape import landscape
from infra.sample.outlines import inventory_rows, patches, slide_outline, with_superseded
from infra.sample.placement import Landslides, imprint_landslides
from infra.sample.places import PRODUCT_MARGIN_M, QUADRANGLE, SMALL, Place
from infra.sample.products import products_over, write_product
from infra.sample.thematic import write_thematic

VERSION = 3
"""Raise it when the same seed makes something else: folders made before are then made again."""
NOTE = "Synthetic: terrain and landslides made by code; no place on Earth looks like this"


@dataclass(frozen=True)
class Quadrangle:
    """All that was made, as arrays over the region and its margin."""

    place: Place
    seed: int
    landslides: Landslides
    confusers: Confusers
    mapped: NDArray[np.bool_]

    def base_rates(self) -> dict[str, float]:
        """Share of the region's mapped cells that are scarp, deposit."""
        mapped = self.mapped[self.place.inner]
        parts = {"scarps": self.landslides.scarp, "deposits": self.landslides.deposit}
        return {name: float((part[self.place.inner] > 0)[mapped].mean()) for name, part in parts.items()}


def make(place: Place, seed: int) -> Quadrangle:
    """Terrain, confusers and landslides of a place; the same seed makes the same cells."""
    mapped = place.mapped()
    terrain = add_confusers(landscape(place.made_shape, place.cell_m, seed), place.cell_m, seed)
    inside = ndimage.binary_erosion(mapped, iterations=2, border_value=1)
    border = ndimage.binary_dilation(mapped, iterations=2) & ~inside
    slides = imprint_landslides(
        terrain.elevation,
        place.cell_m,
        place.slides,
        seed,
        taken=terrain.rough_patch,
        border=border,
        sizes=place.sizes,
    )
    return Quadrangle(place, seed, slides, terrain, mapped)


def layers_of(made: Quadrangle) -> dict[str, GeoDataFrame]:
    """The inventory's layers: scarps, deposits, extent, confusers."""
    place, slides = made.place, made.landslides
    extent = place.extent()
    layers = {}
    for part, (name, numbers) in enumerate({"scarps": slides.scarp, "deposits": slides.deposit}.items()):
        windows = dict(enumerate(ndimage.find_objects(numbers.astype(np.int32)), 1))
        shown = [n for n, window in windows.items() if made.mapped[window][numbers[window] == n].all()]
        shapes = {n: slide_outline(numbers, n, windows[n], place.made_transform) for n in shown}
        rows = inventory_rows({s.number: s for s in slides.slides}, shapes, place.crs, made.seed, part)
        layers[name] = with_superseded(rows, extent, made.seed, part)
    layers["extent"] = GeoDataFrame(
        {"OBJECTID": [1], "name": [place.title]}, geometry=[extent], crs=place.crs
    )
    kinds = {"rough patch": made.confusers.rough_patch, "hard bench": made.confusers.hard_bench}
    layers["confusers"] = patches(kinds, place.made_transform, place.crs, extent)
    return layers


def write(made: Quadrangle, folder: Path) -> dict[str, Any]:
    """Write everything into `folder`; the metadata, which is also returned, last."""
    place, z = made.place, made.landslides.elevation
    layers = layers_of(made)
    write_layers(folder / INVENTORY, layers)
    left, bottom, right, top = place.bounds
    reach = PRODUCT_MARGIN_M
    products = products_over((left - reach, bottom - reach, right + reach, top + reach), place.crs)
    catalogue = [write_product(folder, p, z, place.made_transform, place.crs, NOTE) for p in products]
    write_hillshade(folder / "hillshade.png", z[place.inner], place.cell_m)
    current = {name: layers[name][layers[name]["superseded"] == "N"] for name in ("scarps", "deposits")}
    found = {
        **identity(place, made.seed),
        "title": place.title,
        "synthetic": True,
        "note": NOTE,
        "crs": place.crs,
        "bounds": place.bounds,
        "cell_m": place.cell_m,
        "shape": place.shape,
        "region_toml": place.toml(),
        "base_rates": {name: round(rate, 5) for name, rate in made.base_rates().items()},
        "landslides": len(set(current["scarps"]["ls_id"])),
        "polygons": {name: len(rows) for name, rows in layers.items()},
        "products": catalogue,
        "inventory": INVENTORY,
        "layers": write_thematic(folder, z, place, made.seed, NOTE),
    }
    write_metadata(folder, found)
    return found


def identity(place: Place, seed: int) -> dict[str, Any]:
    """What decides the bytes: a folder that has this is not made again."""
    return {"place": place.name, "seed": seed, "version": VERSION}


def main(argv: list[str] | None = None) -> None:
    """Make the folder, or find it made."""
    parser = argparse.ArgumentParser(
        prog="infra.sample.quadrangle", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--small", action="store_true", help="512 x 512 cells, for tests")
    args = parser.parse_args(argv)
    place = SMALL if args.small else QUADRANGLE
    found = metadata(args.out)
    if found is not None and identity(place, args.seed).items() <= found.items():
        print(f"{place.title} is already in {args.out}")
        return
    start = time.monotonic()
    with replacing(args.out) as fresh:
        found = write(make(place, args.seed), fresh)
    rates = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in found["base_rates"].items())
    took = f"{time.monotonic() - start:.0f} s"
    print(f"{place.title}: {found['landslides']} landslides, {rates} of the mapped cells, {took}")
    print(f"{args.out / METADATA}\n{found['region_toml']}", end="")


if __name__ == "__main__":
    main()

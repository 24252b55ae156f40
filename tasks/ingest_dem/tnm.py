"""Ask TNM Access, the catalogue of the U.S. national map, which elevation products cover an area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.contract.errors import BadData, SourceUnavailable
from tasks.ingest_dem.utm import Box
from tasks.sources.http import Ask

PAGE = 50
SAME_CELL = 0.9  # issues of one cell differ by a few pixels in their boxes
Product = dict[str, Any]


@dataclass(frozen=True)
class Pin:
    """Which issues may be used, for a result that can be had again: until a day, or of these ids; empty is any."""

    published_until: str = ""
    ids: frozenset[str] = frozenset()

    def allows(self, product: Product) -> bool:
        """Whether a product may be used."""
        late = bool(self.published_until) and product["published"][:10] > self.published_until
        return not late and (not self.ids or product["id"] in self.ids)


ANY = Pin()


def products(
    ask: Ask, url: str, dataset: str, area: Box, pin: Pin = ANY, *, partial: bool = False
) -> list[Product]:
    """The newest product of each cell that meets `area` (west, south, east, north), by id.

    Products that are `partial` do not fill their boxes: all are kept, the older ones fill up the newer.
    A product has id, title, published, updated, size, url and box.
    """
    box = ",".join(f"{degrees:.6f}" for degrees in area)
    query: dict[str, str | int] = {
        "bbox": box,
        "datasets": dataset,
        "prodFormats": "GeoTIFF",
        "max": PAGE,
        "offset": 0,
    }
    items: list[dict[str, Any]] = []
    while True:
        answer = ask(url, {**query, "offset": len(items)})
        if "items" not in answer or "total" not in answer:
            raise SourceUnavailable(f"{url} answered without items: {str(answer)[:100]}; try again later")
        items += answer["items"]
        if len(items) >= answer["total"]:
            break
        if not answer["items"]:
            raise SourceUnavailable(f"{url} promised {answer['total']} products, stopped after {len(items)}")
    listed = {(product := read(item, url))["id"]: product for item in items}.values()
    missing = pin.ids - {product["id"] for product in listed}
    if missing:
        raise BadData(
            f"{url} no longer lists the products {sorted(missing)} in west, south, east, north {box}; "
            "name others in [dem] products"
        )
    near = [product for product in listed if meets(product["box"], area)]
    found = [product for product in near if pin.allows(product)]
    if near and not found:
        raise BadData(
            f"{url} has {len(near)} products of {dataset!r} in {box}, none published until {pin.published_until}; "
            f"the oldest is of {min(p['published'] for p in near)}; change [dem] published_until"
        )
    if not found:
        raise BadData(
            f"{url} has no {dataset!r} in west, south, east, north {box}; check the region's bounds and dataset"
        )
    kept = found if partial else newest_per_cell(found)
    return sorted(kept, key=lambda product: product["id"])


def read(item: dict[str, Any], url: str) -> Product:
    """One item of the answer, by our names."""
    try:
        box = item["boundingBox"]
        return {
            "id": str(item["sourceId"]),
            "title": str(item["title"]),
            "published": str(item["publicationDate"]),
            "updated": str(item["lastUpdated"]),
            "size": item.get("sizeInBytes"),
            "url": str(item["downloadURL"]),
            "box": [float(box[side]) for side in ("minX", "minY", "maxX", "maxY")],
        }
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"{url} lists a product without {error}: {str(item)[:100]}") from error


def newest_per_cell(found: list[Product]) -> list[Product]:
    """Of products whose boxes are the same up to a few pixels, the one published last."""
    kept: list[Product] = []
    for product in sorted(found, key=age, reverse=True):
        if all(overlap(product["box"], other["box"]) < SAME_CELL for other in kept):
            kept.append(product)
    return kept


def age(product: Product) -> tuple[str, str, str]:
    """Sorts products from old to new."""
    return product["published"], product["updated"], product["id"]


def meets(a: list[float], b: Box) -> bool:
    """Whether two boxes share an area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def overlap(a: list[float], b: list[float]) -> float:
    """Area of the intersection over that of the union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (both - shared)

"""The rasters a DEM is made of: each product an artifact of its own, which no region fetches again."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.ingest_dem.tnm import Product, age
from tasks.job import Job, Scratch
from tasks.sources.files import fetch, fetch_all, safe_name, scheme_of, sha256
from tasks.sources.http import download
from tasks.sources.raster import check_raster

KIND = "product"
AT_ONCE = 3
RECORDED = ("title", "id", "published", "url")


@dataclass(frozen=True)
class Raster:
    """A local file and what is recorded of it."""

    path: Path
    record: Mapping[str, Any]


def rasters(job: Job) -> list[Raster]:
    """What the poll named, in the order of precedence."""
    return from_tnm(job) if job.params.source.source == "tnm" else from_files(job)


def from_tnm(job: Job) -> list[Raster]:
    """The products, newest first, so that the newest wins where they overlap."""
    wanted = sorted(job.state["products"], key=age, reverse=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(one_product, job, product) for product in wanted]
        try:
            return [result.result() for result in waiting]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def one_product(job: Job, product: Product) -> Raster:
    """A product from the store, or downloaded, checked and put there."""
    name = safe_name(product["url"])

    def make(folder: Path, scratch: Scratch) -> dict[str, Any]:
        digest = download(product["url"], folder / name, size=product["size"], scratch=scratch)
        check_raster(folder / name, f"{product['title']} ({product['url']})")
        return {**{field: product[field] for field in (*RECORDED, "box")}, "sha256": digest}

    artifact = job.share(KIND, product, make)
    return Raster(artifact.file(name), dict(artifact.properties))


def from_files(job: Job) -> list[Raster]:
    """The file or the tiles that the region names. What comes over HTTP is kept like a product."""
    address = job.params.source.path
    if scheme_of(address) in ("http", "https"):
        paths = [shared_file(job, address)]
    else:
        paths = fetch_all(address, job.state, job.work)
    found = []
    for path in paths:
        check_raster(path, path.name if len(paths) > 1 else address)
        digest = sha256(path)
        published = job.params.source.acquired or None
        record = {"title": path.name, "id": digest[:12], "published": published, "url": address}
        found.append(Raster(path, {**record, "sha256": digest}))
    return found


def shared_file(job: Job, address: str) -> Path:
    """A raster at a web address, from the store or downloaded and put there."""

    def make(folder: Path, scratch: Scratch) -> dict[str, Any]:
        path = fetch(address, job.state, folder, scratch=scratch)
        check_raster(path, address)
        return {"title": path.name, "url": address, "sha256": sha256(path)}

    artifact = job.share(KIND, {"url": address, **job.state}, make)
    return artifact.file(safe_name(address))

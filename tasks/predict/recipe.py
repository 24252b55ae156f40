"""Send the stack to the model server in windows with a halo; write what comes back as one raster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.client import MESSAGE_BYTES, GrpcClient
from serving.releases import read as read_releases
from tasks.contract.errors import BadData
from tasks.contract.grid import Grid
from tasks.contract.refs import Refs
from tasks.science.windowed import Predict, Read, predicted
from tasks.science.windows import Window, windows
from tasks.store import open_store
from tasks.store.raster import Part, read_window, write_cog

INHERITED = ("region", "synthetic", "license", "attribution")


def run(job: Any) -> dict[str, Any]:
    """Write probability.tif: 0 to 1, nodata where the stack has none."""
    model, stack, name = job.one("model"), job.one("stack"), job.params.model
    version = released(name, model.digest)
    grid, read = Grid.of(stack.properties), reader(stack.file("stack.tif"), indexes(model, stack))
    with GrpcClient.connect() as server:
        predict = through(server, name, version)
        raster = write_cog(
            job.out / "probability.tif",
            grid,
            parts(grid, read, predict, model.properties),
            bands=["probability"],
        )
    inherited = {key: stack.properties[key] for key in INHERITED if key in stack.properties}
    return {
        **inherited,
        **raster,
        "model": name,
        "version": version,
        "threshold": model.properties["threshold"],
    }


def released(name: str, digest: str) -> int:
    """The version that this very model was released as, whatever is stable meanwhile."""
    release = read_releases(Refs(open_store()), name).of_model(digest)
    if release is None:
        raise BadData(f"model {digest} is no release of {name}; run release for it before predict")
    return release.version


def indexes(model: Any, stack: Any) -> list[int]:
    """The raster bands (from 1) that the model reads, in its order."""
    names = list(stack.properties["bands"])
    missing = [name for name in model.properties["bands"] if name not in names]
    if missing:
        raise BadData(
            f"the model reads bands {missing}, the stack of {stack.properties['region']} has {names}; run "
            "derive_terrain with the model's recipe"
        )
    return [names.index(name) + 1 for name in model.properties["bands"]]


def reader(path: Path, bands: Sequence[int]) -> Read:
    """Windows of the stack, (h, w, C) with NaN for nodata."""

    def read(window: Window) -> NDArray[np.float32]:
        data = read_window(path, window.row, window.col, window.height, window.width, bands)
        return np.ascontiguousarray(np.moveaxis(data, 0, -1))

    return read


def through(server: GrpcClient, model: str, version: int) -> Predict:
    """The served model as a function of bands (h, w, C) to probability (h, w)."""
    return lambda bands: server.predict(model, version, {"bands": bands[None]})["probability"][0, ..., 0]


def window_px(bands: int, halo: int) -> int:
    """The largest window whose request, halo included, fits in a message with room to spare."""
    fitting = (size for size in (1024, 512, 256) if (size + 2 * halo) ** 2 * bands * 4 < 0.95 * MESSAGE_BYTES)
    return next(fitting, 128)


def parts(grid: Grid, read: Read, predict: Predict, properties: Any) -> Iterator[Part]:
    """The probability in windows, saying how far it is."""
    halo, levels = properties["halo_px"], properties["levels"]
    size = window_px(len(properties["bands"]), halo)
    number = sum(1 for _ in windows(grid.height, grid.width, size))
    found = predicted(read, predict, grid.height, grid.width, halo=halo, levels=levels, size=size)
    for done, (window, probability) in enumerate(found, start=1):
        print(f"window {done} of {number}", flush=True)
        yield Part(window.row, window.col, probability)

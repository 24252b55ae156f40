"""Elevation: download against the disk, mosaic of one and of four one-degree tiles with their memory."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from infra.bench.measure import apart, disk_mb_s, timed
from infra.bench.products import write_product
from tasks.contract.grid import Grid, region_grid

# Tiles n38w122, n38w123, n37w122, n37w123 lie in this zone; the grids lie inside them.
ONE = {"crs": "EPSG:32610", "cell_m": 10.0, "bounds": [589000.0, 4096500.0, 674000.0, 4204000.0]}
FOUR = {"crs": "EPSG:32610", "cell_m": 10.0, "bounds": [503000.0, 3988000.0, 674000.0, 4204000.0]}
TILES = {"one": [(38, -122)], "four": [(38, -122), (38, -123), (37, -122), (37, -123)]}


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """What was measured and what came of it."""
    paths = {
        corner: write_product(folder / f"n{corner[0]}w{-corner[1]}.tif", *corner) for corner in TILES["four"]
    }
    product = paths[38, -122]
    size = product.stat().st_size
    disk = disk_mb_s(folder, size)
    with served(product) as url:
        got = size / 1e6 / timed(lambda: fetch(url, folder / "got.tif"))
    yield "product, 10812 x 10812 cells", f"{size / 1e6:.0f} MB"
    yield "disk, written and synced", f"{disk:.0f} MB/s"
    yield "download over loopback", f"{got:.0f} MB/s, {got / disk:.2f} of the disk"
    for name, region in (("one", ONE), ("four", FOUR)):
        grid = region_grid(region)
        out = folder / "mosaic.tif"
        words = [out, name, *(paths[corner] for corner in TILES[name])]
        figures = apart("infra.bench.ingest", *words)
        cells, written = grid.width * grid.height / 1e6, out.stat().st_size / 1e6 / figures.seconds
        yield (
            f"mosaic of {name}: {grid.width} x {grid.height} cells to COGs",
            f"{figures.seconds:.0f} s, {cells / figures.seconds:.1f} million cells/s, written {written:.0f} MB/s "
            f"({written / disk:.2f} of the disk), peak memory {figures.peak_mb:.0f} MB",
        )


def fetch(url: str, path: Path) -> None:
    """The pipeline's own download, to the disk."""
    from tasks.sources.http import download

    os.environ["PIPELINE_PRIVATE_HOSTS"] = "127.0.0.1"
    download(url, path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def served(path: Path) -> Iterator[str]:
    """A file over HTTP on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "image/tiff")
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            with path.open("rb") as body:
                self.connection.sendfile(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{path.name}"
        server.shutdown()


def mosaic(out: Path, name: str, paths: list[Path]) -> None:
    """One mosaic and the raster of its products, as ingest_dem makes them."""
    from tasks.ingest_dem.origins import Origins
    from tasks.science.mosaic import surface
    from tasks.store.raster import write_cog

    grid: Grid = region_grid({"one": ONE, "four": FOUR}[name])
    origins = Origins(out.with_suffix(".dat"), grid, len(paths))
    write_cog(out, grid, surface(paths, grid, 1.0, origins=origins.take), bands=["elevation"], units=["m"])
    origins.write(out.with_name("sources.tif"))


if __name__ == "__main__":
    mosaic(Path(sys.argv[1]), sys.argv[2], [Path(word) for word in sys.argv[3:]])

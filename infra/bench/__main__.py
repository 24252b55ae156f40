"""Measure, print a table, and write it to docs/benchmarks.md; words name the parts to measure, all without."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import rasterio

from infra.bench import augment, ingest, terrain, tiles
from infra.bench.measure import machine, versions

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
PARTS = {"Ingestion": ingest, "Terrain": terrain, "Tiles": tiles, "Augmentation": augment}


def main(wanted: list[str]) -> None:
    """The whole benchmark needs about 15 GB of disk and some minutes; a part of it is printed only."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, on synthetic elevation.",
        "",
        f"{machine()}; GDAL: {rasterio.__gdal_version__}, {versions('rasterio', 'richdem2', 'numpy', 'urllib3')}",
    ]
    for title, part in PARTS.items():
        if wanted and title.lower() not in wanted:
            continue
        lines += ["", f"## {title}", "", "| what | measured |", "|---|---|"]
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for what, figure in part.rows(Path(folder)):
                print(f"{what:<64} {figure}", flush=True)
                lines.append(f"| {what} | {figure} |")
    if not wanted:
        OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"\n{OUT}")


if __name__ == "__main__":
    main([word.lower() for word in sys.argv[1:]])

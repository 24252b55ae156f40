"""Measure, print, and write what was measured into docs/benchmarks.md; words name the parts to measure, all without."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import rasterio

from infra.bench import augment, ingest, terrain, tiles
from infra.bench.measure import machine, versions

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
PARTS = {"Ingestion": ingest, "Terrain": terrain, "Tiles": tiles, "Augmentation": augment}
HEAD = (
    "# Benchmarks\n\nWritten by `make bench`, on synthetic elevation and random bands; "
    "`make bench PARTS=tiles` measures one part anew.\n"
)


def main(wanted: list[str]) -> None:
    """All of it needs about 15 GB of disk and some minutes. What is not wanted stays as it was measured before."""
    if unknown := set(wanted) - {title.lower() for title in PARTS}:
        raise SystemExit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS).lower()}")
    sections = before()
    for title, part in PARTS.items():
        if wanted and title.lower() not in wanted:
            continue
        lines = [machine_and_versions(), "", "| what | measured |", "|---|---|"]
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for what, figure in part.rows(Path(folder)):
                print(f"{what:<64} {figure}", flush=True)
                lines.append(f"| {what} | {figure} |")
        sections[title] = "\n".join(lines)
    parts = [f"\n## {title}\n\n{sections[title]}\n" for title in PARTS if title in sections]
    OUT.write_text(HEAD + "".join(parts), encoding="utf-8")
    print(f"\n{OUT}")


def before() -> dict[str, str]:
    """The sections that stand in the file, by title."""
    text = OUT.read_text(encoding="utf-8") if OUT.exists() else ""
    found = (section.partition("\n") for section in text.split("\n## ")[1:])
    return {title: body.strip() for title, _, body in found}


def machine_and_versions() -> str:
    """What the figures depend on."""
    return f"{machine()}; GDAL: {rasterio.__gdal_version__}, {versions('rasterio', 'richdem2', 'numpy', 'urllib3')}"


if __name__ == "__main__":
    main([word.lower() for word in sys.argv[1:]])

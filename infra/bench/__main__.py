"""Measure, print a table, and write it to docs/benchmarks.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

from infra.bench import ingest
from infra.bench.measure import machine, versions

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def main() -> None:
    """The whole benchmark; needs about 6 GB of disk and some minutes."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, on synthetic elevation.",
        "",
        f"{machine()}; {versions('rasterio', 'numpy', 'urllib3')}",
        "",
        "| what | measured |",
        "|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for what, figure in ingest.rows(Path(folder)):
            print(f"{what:<64} {figure}", flush=True)
            lines.append(f"| {what} | {figure} |")
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"\n{OUT}")


if __name__ == "__main__":
    main()

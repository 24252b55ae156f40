"""Edit a sample inventory as its keepers would: reshape one polygon, or remove many.

python -m infra.sample.edit --data DIR --target deposits --id 12 --buffer 30
python -m infra.sample.edit --data DIR --target deposits --keep 0.5
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from infra.sample.folder import INVENTORY, read_layers, write_layers


def grow(folder: Path, target: str, object_id: int, by_m: float, now_ms: int) -> str:
    """Buffer the polygon `object_id` of `target` by `by_m` metres (negative shrinks); returns its landslide's id."""
    layers = read_layers(folder / INVENTORY)
    if target not in ("scarps", "deposits"):
        raise SystemExit(f"target must be scarps or deposits, got {target}")
    rows = layers[target]
    found = rows.index[rows["OBJECTID"] == object_id]
    if not len(found):
        raise SystemExit(f"{target} has no OBJECTID {object_id}; it has 1 to {rows['OBJECTID'].max()}")
    shape = rows.geometry[found[0]].buffer(by_m).intersection(layers["extent"].union_all())
    if shape.is_empty:
        raise SystemExit(f"{target} {object_id} vanishes when buffered by {by_m} m")
    rows.loc[found[0], "geometry"] = shape
    rows.loc[found[0], "last_edited_date"] = max(now_ms, int(rows["last_edited_date"].max()) + 1)
    write_layers(folder / INVENTORY, layers)
    return str(rows["ls_id"][found[0]])


def thin(folder: Path, target: str, keep: float) -> int:
    """Keep the first part of a target's polygons, by OBJECTID; returns how many are left."""
    if not 0 < keep <= 1:
        raise SystemExit(f"the share to keep must be above 0 and at most 1, got {keep:g}")
    layers = read_layers(folder / INVENTORY)
    rows = layers[target].sort_values("OBJECTID")
    layers[target] = rows.head(max(1, round(keep * len(rows))))
    write_layers(folder / INVENTORY, layers)
    return len(layers[target])


def main(argv: list[str] | None = None) -> None:
    """Edit and say what was edited."""
    parser = argparse.ArgumentParser(prog="infra.sample.edit", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--target", choices=("scarps", "deposits"), default="deposits")
    parser.add_argument("--id", type=int, default=1, help="OBJECTID")
    parser.add_argument("--buffer", type=float, default=30.0, help="metres")
    parser.add_argument("--keep", type=float, help="share of the polygons to keep, instead of reshaping one")
    args = parser.parse_args(argv)
    if args.keep is not None:
        print(f"{args.target}: {thin(args.data, args.target, args.keep)} polygons left")
        return
    slide = grow(args.data, args.target, args.id, args.buffer, int(time.time() * 1000))
    print(f"{args.target} {args.id} ({slide}) buffered by {args.buffer:g} m")


if __name__ == "__main__":
    main()

"""`make demo`: start the stack, have Airflow do the whole job for one region, show what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from infra.local import environments, stack
from infra.local.env import whole_environment
from infra.local.settings import Settings, StackFailed, keys
from infra.local.watch import Watch

SOURCES = {
    "alum-rock": (
        ["USGS_13_alum_rock_crop_epsg4269.tif"],
        "a crop of a USGS 3DEP 1/3 arc-second tile (n38w122, EPSG:4269) of the Diablo Range front near San Jose",
    ),
    "balakot": (
        ["dem.tif", "landslides.gpkg"],
        "the DEM (AW3D30) and the landslide polygons of the LSAT Balakot test area (Torizin et al.)",
    ),
}
"""Regions whose data are files that the project may not carry: names, and what they are."""


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def known_regions() -> list[str]:
    """The regions that have a configuration file."""
    return sorted(path.stem for path in (environments.ROOT / "dags" / "config" / "regions").glob("*.toml"))


def prepare(region: str, settings: Settings) -> None:
    """Put a region's files below PIPELINE_DATA, where its configuration looks for them."""
    if region not in SOURCES:
        return
    names, what = SOURCES[region]
    goal = settings.data / region
    if goal.is_dir():
        return
    origin = Path(os.environ.get("PIPELINE_SHARED") or environments.ROOT.parent / "shared" / "data") / region
    missing = [name for name in names if not (origin / name).is_file()]
    if missing:
        raise StackFailed(
            f"Region {region} needs {', '.join(missing)} in {origin}: {what}. Put the files there, or name the folder "
            f"that holds {region}/ by PIPELINE_SHARED=..., and run make demo REGION={region} again."
        )
    draft = goal.with_name(f".{region}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    if region == "alum-rock":
        say("Imprinting synthetic landslides into the real DEM ...")
        command = [
            "-m",
            "infra.sample.imprint",
            "--dem",
            str(origin / names[0]),
            "--out",
            str(draft / "made"),
        ]
        in_terrain(settings, command)
        (draft / "made").replace(goal)
        shutil.rmtree(draft)
        return
    for name in names:
        shutil.copyfile(origin / name, draft / name)
    draft.replace(goal)


def in_terrain(settings: Settings, command: list[str]) -> None:
    """Run one of our modules in the terrain environment."""
    python = str(environments.python_of("terrain"))
    ended = subprocess.run(
        [python, *command], env=whole_environment(settings), cwd=environments.ROOT, check=False
    )
    if ended.returncode:
        raise StackFailed(f"{' '.join(command[1:2])} failed; its last lines above say why.")


def demo(region: str, settings: Settings) -> int:
    """The whole job for a region."""
    if region not in known_regions():
        raise StackFailed(f"There is no region {region!r}; there are {', '.join(known_regions())}.")
    begun = time.monotonic()
    stack.up(settings, [], say)
    prepare(region, settings)
    say(f"\nAirflow takes over: ingest, dataset, train, release, predict for {region}.\n")
    went_well = Watch(settings, say).follow("ingest", {"regions": [region]}, region)
    say("")
    in_terrain(settings, ["-m", "infra.local.report", region])
    say(f"\n{'Done' if went_well else 'Ended with failures'} in {time.monotonic() - begun:.0f} s.")
    say(
        f"Airflow       {settings.url('airflow')}   (user admin, password {keys(settings.folder)['AIRFLOW_PASSWORD']})"
    )
    say(f"Data quality  {settings.url('reports')}/")
    say(f"Models, REST  {settings.url('rest')}/v1/models/<model>    gRPC 127.0.0.1:{settings.ports['grpc']}")
    say(f"Logs          {settings.logs}\nStop it all with: make down")
    return 0 if went_well else 1


def main() -> int:
    """One sentence for what a person can mend."""
    try:
        settings = Settings.of(os.environ)
        try:
            return demo(sys.argv[1] if len(sys.argv) > 1 else "sample", settings)
        except KeyboardInterrupt:
            goes_on = stack.is_up(settings)
            word = (
                "Airflow goes on with what it began; make down stops it all."
                if goes_on
                else "All is stopped."
            )
            print(f"\nInterrupted. {word}", file=sys.stderr)
            return 130
    except StackFailed as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""The vertical unit of a DEM: what the region says, else what the file says, else metres."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pyproj import CRS

from tasks.contract.errors import BadData
from tasks.ingest_dem.spec import METRES_PER_UNIT
from tasks.sources.raster import open_raster

UNCLEAR = "unclear"

SPELLINGS = {
    "metre": ("m", "metre", "metres", "meter", "meters"),
    "foot": ("ft", "foot", "feet", "international foot"),
    "us-survey-foot": ("ftus", "us-ft", "us survey foot", "us survey feet", "foot_us", "sft"),
}


def unit_in_file(text: str | None) -> str:
    """The unit a band names, by our names; empty where it names none."""
    spelled = (text or "").strip().lower()
    if not spelled:
        return ""
    for unit, spellings in SPELLINGS.items():
        if spelled in spellings:
            return unit
    raise BadData(f"the DEM's unit {text!r} is not known; known are {', '.join(METRES_PER_UNIT)}")


def unit_of(path: Path) -> str:
    """The vertical unit a raster names; one whose plan is in feet must not leave its heights open."""
    with open_raster(path) as dataset:
        named = unit_in_file(dataset.units[0])
        if not named and dataset.crs.is_projected and "foot" in dataset.crs.linear_units.lower():
            return UNCLEAR
        return named


def vertical_datum(path: Path) -> str:
    """The vertical reference a raster names; empty where it names none."""
    with open_raster(path) as dataset:
        parts = CRS.from_user_input(dataset.crs.to_wkt()).sub_crs_list
    return parts[1].name if len(parts) > 1 else ""


def vertical_unit(named: str, in_files: Mapping[str, str]) -> str:
    """One unit for all files. What the region names and what the files say must agree."""
    found = {unit for unit in in_files.values() if unit not in ("", UNCLEAR)} | ({named} if named else set())
    if len(found) > 1:
        raise BadData(
            f"vertical unit unclear: the region says {named or 'nothing'}, the files {dict(in_files)}; "
            "the files must be of one unit, and [dem] vertical_unit that one or left out"
        )
    unclear = [name for name, unit in in_files.items() if unit == UNCLEAR]
    if unclear and not named:
        raise BadData(
            f"vertical unit unclear: {unclear[0]} has its plan in feet and does not say what its heights are in; "
            f"set [dem] vertical_unit to one of {sorted(METRES_PER_UNIT)}"
        )
    return found.pop() if found else "metre"

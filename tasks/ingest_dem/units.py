"""The vertical unit of a DEM: what the region says, else what the file says, else metres."""

from __future__ import annotations

from tasks.contract.errors import BadData
from tasks.ingest_dem.spec import METRES_PER_UNIT

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


def vertical_unit(named: str, in_files: set[str]) -> str:
    """One unit for all files. What the region names and what the files say must agree."""
    found = {unit for unit in in_files if unit} | ({named} if named else set())
    if len(found) > 1:
        raise BadData(
            f"vertical unit unclear: the region says {named or 'nothing'}, the files {sorted(in_files)}"
        )
    return found.pop() if found else "metre"

"""Names that become parts of object keys. They are user input: partition keys, parameters, run ids."""

import re

from tasks.contract.errors import InvalidName

SEGMENT = re.compile(r"[a-z0-9][a-z0-9_.-]{0,119}")
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+~-]{0,249}")


def checked_segment(name: str, what: str = "name") -> str:
    """The name itself, when it is one safe segment of a key."""
    if not SEGMENT.fullmatch(name) or ".." in name:
        raise InvalidName(f"{what} {name!r} is not allowed: use lower-case letters, digits, '_', '.', '-'")
    return name


def checked_path(name: str) -> str:
    """The name of a file inside an artifact, when it stays inside: relative, no empty, `.` or `..` segment."""
    if any(segment in ("", ".", "..") for segment in name.split("/")) or "\\" in name or "\0" in name:
        raise InvalidName(f"file name {name!r} would leave its folder")
    return name


def checked_ref(ref: str) -> str:
    """The ref itself, when every segment is safe. In `runs/<dag>/<run id>/...` the third is an Airflow run id."""
    segments = ref.split("/")
    if len(segments) < 2:
        raise InvalidName(f"ref {ref!r} needs at least two segments, such as regions/sample")
    for place, segment in enumerate(segments):
        if segments[0] == "runs" and place == 2:
            if not RUN_ID.fullmatch(segment) or ".." in segment:
                raise InvalidName(f"run id {segment!r} in ref {ref!r} is not allowed")
        else:
            checked_segment(segment, f"segment of ref {ref!r}:")
    return ref

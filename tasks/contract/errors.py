"""Everything a task may raise on purpose, and the exit code Airflow sees for it.

0 made or already there, 99 refused or nothing to do (skipped), 65 bad data or parameters (fails, no retry),
75 temporary (fails, retried). Anything else is a defect. 65 and 75 are EX_DATAERR and EX_TEMPFAIL of sysexits.h.
A message is a sentence: what, where, expected, found, what to do.
"""


class PipelineError(Exception):
    """Root of the tree; on its own it stands for a defect."""

    exit_code = 1


class BadInput(PipelineError):
    """Data, parameters or wiring that no retry will mend."""

    exit_code = 65


class BadData(BadInput):
    """The data is not what it should be."""


class InvalidParams(BadInput):
    """A parameter is out of its range."""


class InvalidConfig(BadInput):
    """A configuration file is missing, unreadable or inconsistent."""


class InvalidName(BadInput):
    """A ref, model or region name that could leave its folder or is not of the agreed form."""


class WrongWiring(BadInput):
    """A task is given inputs, outputs or parameters its spec does not name."""


class GridMismatch(BadInput):
    """Two rasters that must be on one grid are not."""


class ArtifactMissing(BadInput):
    """A ref or an artifact that is needed is not there, or not finished."""


class ArtifactDamaged(BadInput):
    """An artifact's bytes are not those its manifest names."""


class Stopped(PipelineError):
    """Not an error: this task, and what hangs on it, shall not go on."""

    exit_code = 99


class Refused(Stopped):
    """A gate said no."""


class NothingToDo(Stopped):
    """Everything is as it should be already."""


class Temporary(PipelineError):
    """Worth a retry."""

    exit_code = 75


class SourceUnavailable(Temporary):
    """A service or the store does not answer, or answers that it is busy."""


class Conflict(PipelineError):
    """A conditional put lost: somebody else wrote first. Handled by whoever put; never shown to a person."""

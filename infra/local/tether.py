"""Run a command that dies with the process that started it (Linux).

    python tether.py PARENT_PID SIGNAL COMMAND ...

The kernel sends SIGNAL to the command when the starting thread ends, however it ends. Standard library only, and
run by path, so that it starts in a few hundredths of a second.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Ask for the signal, make sure that the parent is still there, and become the command."""
    parent, signal_number, command = int(argv[0]), int(argv[1]), argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0):
        sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it ended before the kernel knew
        sys.exit(1)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"Cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])

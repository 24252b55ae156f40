"""TCP ports on loopback: is one free, and which block of neighbours is."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: a connection that is only waiting out its time does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_block(size: int) -> int:
    """The first of `size` neighbouring free ports, below the range that outgoing connections take theirs from."""
    for _ in range(200):
        first = random.randrange(12000, 32000 - size)
        if all(is_free(first + offset) for offset in range(size)):
            return first
    raise RuntimeError(f"No {size} neighbouring free ports found between 12000 and 32000")

"""The whole stack on one machine, as supervised processes on loopback."""

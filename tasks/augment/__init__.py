"""Flipped twins of the training tiles."""

"""What every task agrees on: specs, artifacts, refs, keys, errors and the grid. Standard library only."""

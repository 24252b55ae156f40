"""A task that writes three files, for tests of the runner."""

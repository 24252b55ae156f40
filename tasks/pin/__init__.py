"""Copy accepted refs into a run, so that the run works from what was accepted when it began."""

"""A model on test blocks that nothing was chosen by, beside the champion and the baselines."""

"""Whether a candidate may be released."""

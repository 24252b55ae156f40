"""Pure modules that several tasks share: arrays in, arrays out."""

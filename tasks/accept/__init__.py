"""Make artifacts that passed their checks the accepted ones, all at once."""

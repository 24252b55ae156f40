"""Say that there is something new, if whoever hears it has not dealt with exactly this."""

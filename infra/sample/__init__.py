"""A region made by code, and stand-ins for the services it would come from: synthetic, and saying so."""

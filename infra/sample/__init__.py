"""A region made by code, and stand-ins for the services it would come from. Everything here is synthetic and says so."""

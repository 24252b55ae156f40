"""Serving: the model server, the sync that feeds it from the store, releases and the client."""

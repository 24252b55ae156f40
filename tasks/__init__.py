"""The pipeline's tasks: one package each, one entry (`python -m tasks NAME ...`), artifacts between them."""

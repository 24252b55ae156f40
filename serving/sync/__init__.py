"""Brings released models from object storage to a model server. Standard library and the store only.

    python -m serving.sync --root DIR --config FILE [--rest 127.0.0.1:8501] [--interval 2]

`mirror` copies versions into DIR/<model>/<version> (temporary folder, sha256, rename); `plan` decides what the
server shall hold next, from what the refs want and what the server says it holds; the configuration file tells
it. A label moves in two steps: the file first names the new version beside the old, and moves the label only when
the server says that the new version is AVAILABLE; what no label needs any more is unloaded after that. Nothing is
remembered between two rounds, so that a restart of the sync, the server or the store needs no care.
"""

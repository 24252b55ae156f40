"""The training history, as a table and as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.figure import Figure

History = dict[str, list[float]]


def write_table(history: History, path: Path) -> None:
    """One line an epoch."""
    names = sorted(history)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["epoch", *names])
        for epoch, values in enumerate(zip(*(history[name] for name in names), strict=True), start=1):
            table.writerow([epoch, *(f"{value:.6g}" for value in values)])


def draw(history: History, title: str) -> Figure:
    """Training and validation loss by epoch."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], label="training")
    axes.plot(epochs, history["val_loss"], label="validation")
    axes.set(xlabel="epoch", ylabel="loss", title=title)
    axes.legend(frameon=False)
    return figure

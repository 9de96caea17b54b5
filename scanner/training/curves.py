"""How a training went, as a picture."""

import csv
from pathlib import Path


def draw_curves(history: Path, picture: Path) -> None:
    """Draw loss and accuracy by epoch from the CSV that `fit` wrote."""
    from matplotlib.figure import Figure

    with history.open(newline="", encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    epochs = [row["epoch"] + 1 for row in rows]
    figure = Figure(figsize=(10, 4), layout="constrained")
    loss_axes, error_axes = figure.subplots(1, 2)
    for name, label in (("", "training, augmented"), ("val_", "validation, averaged weights")):
        loss_axes.plot(epochs, [row[f"{name}loss"] for row in rows], label=label)
        error_axes.plot(epochs, [100 * (1 - row[f"{name}accuracy"]) for row in rows], label=label)
    for axes, title in ((loss_axes, "cross-entropy, nats"), (error_axes, "wrong, %")):
        axes.set(title=title, xlabel="epoch", yscale="log")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    figure.savefig(picture, dpi=100)

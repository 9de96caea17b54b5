"""How good a network is, as pictures: read at a glance, side by side with those of the last training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanner.arrays import DIGIT_SIZE, Digits, Scores
from scanner.training.evaluate import ECE_BINS, Report, evaluate
from scanner.training.prepare import Samples

GRID = 10  # digits side by side, and as many rows
TITLE_PX, GAP_PX = 6, 3  # above and between digits of 28
INCHES_PER_PX = 0.026
FEWEST = 5  # answers of like confidence that tell anything


@dataclass(frozen=True, slots=True)
class Answers:
    """What a network says of labeled digits: scores (n, classes)."""

    samples: Samples
    scores: Scores


def draw_figures(answers: Answers, reports: Mapping[str, Report], classes: str, start: Path) -> None:
    """Draw all about these answers, and what the reports of other sets say, into files whose names begin so."""
    report = evaluate(answers.scores, answers.samples.labels)
    draw_confusion(report, classes, start.with_name(f"{start.name}-confusion.png"))
    draw_mistakes(answers, classes, start.with_name(f"{start.name}-mistakes.png"))
    draw_reliability(reports, start.with_name(f"{start.name}-reliability.png"))
    draw_reject_curve(reports, start.with_name(f"{start.name}-error-reject.png"))


def draw_samples(samples: Samples, classes: str, picture: Path) -> None:
    """Draw up to 100 digits as the network sees them, some of each class, with their labels."""
    order = np.argsort(samples.labels, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(GRID * GRID, len(order))).astype(np.int64)]
    _draw_grid(samples.images[chosen], [classes[label] for label in samples.labels[chosen]], picture)


def draw_mistakes(answers: Answers, classes: str, picture: Path) -> None:
    """Draw the up to 100 mistakes of which the network was surest: truth > answer, and how sure."""
    labels, best, confidence = answers.samples.labels, answers.scores.argmax(axis=1), answers.scores.max(axis=1)
    wrong = np.flatnonzero(best != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][: GRID * GRID]
    titles = [f"{classes[labels[i]]} > {classes[best[i]]}  {100 * confidence[i]:.0f} %" for i in worst]
    _draw_grid(answers.samples.images[worst], titles, picture)


def _draw_grid(digits: Digits, titles: Sequence[str], picture: Path) -> None:
    """Draw digits (n, 28, 28) in rows of GRID, each below its title."""
    rows = max(-(-len(digits) // GRID), 1)
    mosaic = np.full((rows, TITLE_PX + DIGIT_SIZE, GRID, DIGIT_SIZE + GAP_PX), 255, np.uint8)
    for place, digit in enumerate(digits):
        mosaic[place // GRID, TITLE_PX:, place % GRID, GAP_PX:] = 255 - digit
    height, width = rows * mosaic.shape[1], GRID * mosaic.shape[3]
    figure = new_figure(width * INCHES_PER_PX, height * INCHES_PER_PX)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))  # one for all: a hundred take seconds to lay out
    axes.set_axis_off()
    axes.imshow(mosaic.reshape(height, width), cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    for place, title in enumerate(titles):
        left, top = place % GRID * mosaic.shape[3] + GAP_PX, place // GRID * mosaic.shape[1]
        axes.text(left + DIGIT_SIZE / 2, top + TITLE_PX - 1, title, fontsize=6, ha="center", va="bottom")
    figure.savefig(picture, dpi=110)


def draw_confusion(report: Report, classes: str, picture: Path) -> None:
    """Draw the confusion matrix; color shows mistakes only, as right answers would drown them."""
    figure = new_figure(7.5, 7)
    axes = figure.subplots()
    wrong = report.confusion - np.diag(report.confusion.diagonal())
    axes.imshow(wrong, cmap="Reds")
    for truth, answer in np.ndindex(*report.confusion.shape):
        count = int(report.confusion[truth, answer])
        if count:
            color = "white" if wrong[truth, answer] > wrong.max() / 2 else "black"
            axes.text(answer, truth, f"{count:,}", ha="center", va="center", fontsize=7, color=color)
    names = list(classes)
    axes.set(xticks=range(len(names)), yticks=range(len(names)), xticklabels=names, yticklabels=names)
    axes.set(xlabel="answer", ylabel="truth", title=f"{100 * report.accuracy:.2f} % of {report.n:,} right")
    figure.savefig(picture, dpi=100)


def draw_reliability(reports: Mapping[str, Report], picture: Path) -> None:
    """Draw how often answers of each confidence are right: honest ones lie on the diagonal."""
    figure = new_figure(6, 6)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="gray", linewidth=0.8, label="honest")
    for name, report in reports.items():
        which = np.minimum((report.confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
        count = np.bincount(which, minlength=ECE_BINS)
        used = count >= FEWEST
        mean = np.bincount(which, weights=report.confidence, minlength=ECE_BINS)[used] / count[used]
        right = np.bincount(which, weights=report.is_right, minlength=ECE_BINS)[used] / count[used]
        axes.plot(mean, right, marker="o", label=f"{name}: ECE {100 * report.calibration_error:.2f} %")
    axes.set(xlabel="confidence", ylabel="part that is right", xlim=(0, 1.01), ylim=(0, 1.01))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(picture, dpi=100)


def draw_reject_curve(reports: Mapping[str, Report], picture: Path) -> None:
    """Draw which part of the accepted digits is wrong when a part goes to a person, the least sure first."""
    figure = new_figure(8, 5)
    axes = figure.subplots()
    for name, report in reports.items():
        if report.n == 0:
            continue
        order = np.argsort(-report.confidence, kind="stable")
        kept = np.arange(1, report.n + 1)
        wrong = np.cumsum(~report.is_right[order]) / kept
        axes.plot(100 * (1 - kept / report.n), 100 * wrong, label=name)
    axes.set_yscale("symlog", linthresh=0.01)  # zero has a place, too
    axes.set(xlabel="to a person, %", ylabel="wrong of the rest, %", xlim=(0, 20), ylim=(0, None))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(picture, dpi=100)


def new_figure(width: float, height: float) -> Any:
    """An empty picture of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")

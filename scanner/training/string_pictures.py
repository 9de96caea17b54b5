"""How well a network reads lines, as figures and pictures like those of digits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray
from scanner.strings.picture import HEIGHT, WIDEST
from scanner.training.evaluate import Report, evaluate
from scanner.training.pictures import draw_reject_curve, draw_reliability, new_figure
from scanner.training.string_samples import Lines

COLUMNS, ROWS = 2, 20  # of lines in a picture
TITLE_PX, GAP_PX = 14, 10
INCHES_PER_PX = 0.01


@dataclass(frozen=True, slots=True)
class LineAnswers:
    """What a network says of lines: the likeliest text of each and (n,) its probability; `texts` is what they say."""

    lines: Lines
    texts: Sequence[str]
    read: Sequence[str]
    confidence: npt.NDArray[np.float64]

    @property
    def is_right(self) -> npt.NDArray[np.bool_]:
        return np.array([found == text for found, text in zip(self.read, self.texts, strict=True)], np.bool_)

    def report(self) -> Report:
        """Its figures; of two classes, right and wrong."""
        scores = np.stack([self.confidence, np.zeros_like(self.confidence)], axis=1).astype(np.float32)
        return evaluate(np.maximum(scores, [np.float32(1e-9), np.float32(0)]), (~self.is_right).astype(np.int64))


def draw_line_figures(answers: Mapping[str, LineAnswers], start: Path) -> None:
    """Draw what the network mistakes, how honest it is, and errors against rejects; files whose names begin so."""
    reports = {name: each.report() for name, each in answers.items()}
    draw_line_mistakes(list(answers.values()), start.with_name(f"{start.name}-mistakes.png"))
    draw_reliability(reports, start.with_name(f"{start.name}-reliability.png"))
    draw_reject_curve(reports, start.with_name(f"{start.name}-error-reject.png"))


def draw_line_samples(lines: Lines, picture: Path) -> None:
    """Draw some lines as the network sees them, with what they say."""
    chosen = np.linspace(0, len(lines) - 1, min(COLUMNS * ROWS, len(lines))).astype(int).tolist()
    _draw_lines([lines.pictures[at] for at in chosen], [lines.texts[at] for at in chosen], picture)


def draw_line_mistakes(answers: Sequence[LineAnswers], picture: Path) -> None:
    """Draw the lines that the network was surest of among those it read wrong: truth > answer, and how sure."""
    wrong = [(each, at) for each in answers for at in np.flatnonzero(~each.is_right).tolist()]
    worst = sorted(wrong, key=lambda one: -one[0].confidence[one[1]])[: COLUMNS * ROWS]
    titles = [f"{each.texts[at]} > {each.read[at]}  {100 * each.confidence[at]:.0f} %" for each, at in worst]
    _draw_lines([each.lines.pictures[at] for each, at in worst], titles, picture)


def _draw_lines(pictures: Sequence[Gray], titles: Sequence[str], picture: Path) -> None:
    """Draw lines (32, w) below each other, in columns, each below its title."""
    rows = max(-(-len(pictures) // COLUMNS), 1)
    high, wide = TITLE_PX + HEIGHT + GAP_PX, WIDEST + GAP_PX
    mosaic = np.full((rows * high, COLUMNS * wide), 255, np.uint8)
    corners = [(place // COLUMNS * high, place % COLUMNS * wide) for place in range(len(pictures))]
    for (top, left), line in zip(corners, pictures, strict=True):
        part = line[:, :WIDEST]
        mosaic[top + TITLE_PX : top + TITLE_PX + HEIGHT, left : left + part.shape[1]] = 255 - part
    height, width = mosaic.shape
    figure = new_figure(width * INCHES_PER_PX, height * INCHES_PER_PX)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(mosaic, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    for (top, left), title in zip(corners, titles, strict=True):
        axes.text(left, top + TITLE_PX - 2, title, fontsize=8, va="bottom")
    figure.savefig(picture, dpi=110)

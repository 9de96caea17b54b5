"""Scores to numbers: value, confidence, accept / review / blank."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One number as read, and where it stands on the page.

    `cells` has one character a box: a digit, `_` blank, `?` unreadable, `x` crossed out.
    `digit_confidences` has one probability a cell. `box_xywh` and `cell_quads` are in pixels of the
    original page image, upright as a viewer shows it.
    """

    name: str
    value: str
    confidence: float
    status: str  # accepted, review or blank
    reason: str  # empty, or a snake_case word
    cells: str
    digit_confidences: tuple[float, ...]
    box_xywh: tuple[int, int, int, int]
    cell_quads: tuple[tuple[tuple[float, float], ...], ...]  # a cell: four x, y corners, clockwise from top left

"""Parts of one row: cells that go on where another row of the same design ends."""

from collections.abc import Sequence

import numpy as np

from scanner.boxes.broken import AT_PLACE, MOST_LOST, nudge, step_and_size
from scanner.boxes.holes import MAX_CELLS
from scanner.boxes.lines import Boxes, Lines
from scanner.boxes.rows import straighten

SAME_DESIGN = 0.12  # of the size: cells of one row differ less, in perspective too
LOST_FRAME = 0.5  # coverage of the upper and the lower side of a cell between two parts that strokes have broken up


def join_parts(rows: Sequence[Boxes], lines: Lines) -> list[Boxes]:
    """Join the rows that are parts of one: the second begins where the first, or its lost cells, would go on.

    Strokes through two neighbors, or a bend in the paper, part rows. Fields with a gap as wide as a cell stay apart, as
    nothing is printed there.
    """
    joined = list(rows)
    for first in sorted(rows, key=lambda row: float(row[0, 0])):
        while (pair := _next_part(first, joined, lines)) is not None:
            second, between = pair
            whole = straighten(np.concatenate([first, between, second]))
            joined = [row for row in joined if row is not first and row is not second] + [whole]
            first = whole
    return joined


def _next_part(first: Boxes, rows: Sequence[Boxes], lines: Lines) -> tuple[Boxes, Boxes] | None:
    """The row that goes on where this one ends, and the cells between them; None where there is none."""
    if not any(row is first for row in rows):
        return None  # it has been joined already
    step, size = step_and_size(first)
    if step[0] <= 0:  # of heaps of print
        return None
    for second in rows:
        missing = round(float((second[0, 0] - first[-1, 0]) / step[0])) - 1
        if second is first or not 0 <= missing <= MOST_LOST or len(first) + missing + len(second) > MAX_CELLS:
            continue
        other_step, other_size = step_and_size(second)
        whole_step = (second[0] - first[-1]) / (missing + 1)
        is_alike = np.abs(other_size - size).max() <= SAME_DESIGN * size.max() + 1
        is_alike &= np.abs(other_step - step).max() <= SAME_DESIGN * size[0]
        is_at_place = np.abs(whole_step - np.tile(step, 2)).max() <= AT_PLACE * size[0] / (missing + 1)
        if not (is_alike and is_at_place):
            continue
        between = first[-1] + np.arange(1, missing + 1)[:, None] * whole_step
        if missing == 0:
            return second, first[:0]
        placed, coverage = nudge(between.astype(np.float32), lines)
        if (coverage[:, [1, 3]].min(axis=1) >= LOST_FRAME).all():
            return second, placed
    return None

"""Finds printed boxes: rows of cells that belong to one field. Geometry proposes, content disposes."""

from dataclasses import dataclass, field

import numpy as np

from scanner.arrays import Gray, Quads
from scanner.boxes.broken import go_on
from scanner.boxes.canvas import Canvas, make_canvas
from scanner.boxes.combs import OPEN, find_combs
from scanner.boxes.holes import find_cells
from scanner.boxes.joined import join_parts
from scanner.boxes.lines import Boxes, Lines, add_faint_lines, find_lines
from scanner.boxes.overlap import drop_covered, merge_rows, outside
from scanner.boxes.parts import divide_holes
from scanner.boxes.rows import find_rows
from scanner.boxes.single import single_frames
from scanner.boxes.trays import find_trays

__all__ = ["OPEN", "BoxRow", "FoundBoxes", "find_box_rows", "find_boxes"]


SMALLEST = 24  # pixels; a box with its frame needs that many
LONGEST = 40  # times as long as wide: a strip that narrow, made smaller to be searched, shows no boxes


@dataclass(frozen=True)
class BoxRow:
    """Cells side by side, left to right: (n, 4, 2) corners in pixels of the page.

    `side_share` is the part of the cells' height, from the bottom, to which their sides are printed: 1 for boxes,
    less for combs, which have no top. A row that `goes_on` seems to have more cells than were found. `beside` (m, 4, 2)
    are the places of a next cell where something is written. Where it has no boxes (`is_boxed`), its cells are where
    digits stand, and some may be `touching`: they hang together.
    """

    quads: Quads
    side_share: float = 1.0
    goes_on: bool = False
    beside: Quads = field(default_factory=lambda: np.zeros((0, 4, 2), np.float32))
    is_boxed: bool = True
    touching: bool = False


@dataclass(frozen=True)
class FoundBoxes:
    """The rows of boxes on a page, in no order, and (n, 4, 2) the corners of frames that stand alone."""

    rows: list[BoxRow]
    frames: Quads


def find_box_rows(page: Gray) -> list[BoxRow]:
    """Rows of boxes on a page, in no order; the boxes of a table or of a grid are rows too."""
    return find_boxes(page).rows


def find_boxes(page: Gray) -> FoundBoxes:
    """All boxes on a page that people may have written numbers into."""
    if min(page.shape) < SMALLEST or max(page.shape) > LONGEST * min(page.shape):
        return FoundBoxes([], np.zeros((0, 4, 2), np.float32))
    canvas = make_canvas(page)
    sure = find_lines(canvas.ink)
    faint = add_faint_lines(sure, canvas.gray)
    holes = find_cells(canvas.ink, sure)
    sure_boxes = _box_rows(canvas, holes, sure)
    boxes = join_parts(merge_rows(sure_boxes, _box_rows(canvas, find_cells(canvas.ink, faint), faint)), faint)
    trays = drop_covered(find_trays(canvas.ink, sure, boxes), boxes)
    combs = [*find_combs(canvas.ink, sure, sure_boxes), *find_combs(canvas.ink, faint, sure_boxes, known=sure)]
    kept = drop_covered(outside([comb.cells for comb in combs], trays), sure_boxes)
    share = {id(comb.cells): comb.tick_share for comb in combs} | {id(row): OPEN for row in trays}
    rows = [*boxes, *trays, *kept]
    shares = [share.get(id(row), 1.0) for row in rows]
    open_ended, beside = go_on(rows, shares, canvas.ink, faint)
    found = [
        BoxRow(canvas.quads_on_page(row), side_share, goes_on, canvas.quads_on_page(places))
        for row, side_share, goes_on, places in zip(rows, shares, open_ended, beside, strict=True)
    ]
    return FoundBoxes(found, canvas.quads_on_page(single_frames(holes, sure)))


def _box_rows(canvas: Canvas, holes: Boxes, lines: Lines) -> list[Boxes]:
    return find_rows(divide_holes(canvas.gray, holes), lines)

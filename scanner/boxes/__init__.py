"""Finds printed boxes: rows of cells that belong to one field. Geometry proposes, content disposes."""

from dataclasses import dataclass

from scanner.arrays import Gray, Quads
from scanner.boxes.canvas import Canvas, make_canvas
from scanner.boxes.holes import find_cells
from scanner.boxes.lines import Boxes, Lines, add_faint_lines, find_lines
from scanner.boxes.parts import divide_holes
from scanner.boxes.combs import find_combs
from scanner.boxes.rows import drop_covered, find_rows, merge_rows

__all__ = ["BoxRow", "find_box_rows"]


@dataclass(frozen=True)
class BoxRow:
    """Cells side by side, left to right: (n, 4, 2) corners in pixels of the page."""

    quads: Quads


def find_box_rows(page: Gray) -> list[BoxRow]:
    """Rows of boxes on a page, in no order; the boxes of a table or of a grid are rows too."""
    canvas = make_canvas(page)
    lines = find_lines(canvas.ink)
    rows = merge_rows(_rows_on(canvas, lines), _rows_on(canvas, add_faint_lines(lines, canvas.gray)))
    return [BoxRow(canvas.quads_on_page(row)) for row in rows]


def _rows_on(canvas: Canvas, lines: Lines) -> list[Boxes]:
    cells = divide_holes(canvas.gray, find_cells(canvas.ink, lines))
    rows = find_rows(cells, lines)
    return rows + drop_covered(find_combs(canvas.ink, lines), rows)

"""Whose ink is it: every stroke goes to one cell, whole, unless two digits touch."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.frame import CORNER, FRAME_REACH, Frameless
from scanner.strips import Ints, Sheet

SPECK = 0.004  # of the cell's area: smaller is dirt
LESSER = 0.06  # of the largest stroke's area: smaller, and apart, is dirt too
OVERHANG = 0.15  # of the height: digits in open cells may stand this much taller
SHARED = 0.22  # of a stroke's area in another cell: two digits touch; else it only leans over
INSIDE = 0.35  # of a stroke's area in its cell at least; else it is a label or a line outside the cells
INSIDE_ROW = 0.7  # of its area in any cells: enough, too
NEAR = np.ones((3, 3), np.uint8)  # ink less than three pixels apart hangs together
LEAST_HANGING = 4  # pixels: lower ink beside a line is a rest of the line
LEFT = 0.4  # of the height or width of a cell: a stroke that large is no rest of its frame
OWNERS = 255  # cells have the numbers 1 - 255 in turn: cells with the same number lie far apart

Cells = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Strokes:
    """Connected ink of a sheet, pixel by pixel."""

    places: npt.NDArray[np.intp]  # (pixels,) index into the raveled sheet
    labels: Ints  # (pixels,) number of the stroke, from 0
    boxes: Ints  # (strokes, 4) x0, y0, x1, y1
    row_of: Cells  # (strokes,)


def owned_ink(frameless: Frameless, sheet: Sheet, is_open: Truths) -> tuple[Mask, Truths, Truths]:
    """(h, w) 1 + index modulo OWNERS of the cell each inked pixel belongs to; 0 where there is none, or dirt.

    Also: (cells,) which have a stroke that runs on above or below the strip, as one that crosses out a whole column.

    `is_open` (rows,): cells without a top go on a little above it.
    """
    owners = np.zeros_like(frameless.ink)
    strokes = _find_strokes(frameless.ink, sheet)
    columns = int(np.bincount(sheet.row_of).max()) + 1  # of the table: no cell, then the cells of the row
    pairs = strokes.labels * np.int64(columns) + _cell_map(sheet, is_open).ravel()[strokes.places]
    table = np.bincount(pairs, minlength=len(strokes.boxes) * columns).reshape(-1, columns)
    owner = _deal(table, strokes, sheet)
    touching = np.bincount(strokes.labels, frameless.touching.ravel()[strokes.places] != 0, len(table))
    _deal_hanging(owner, touching, frameless.touches, strokes, sheet)
    owners.ravel()[strokes.places] = owner.ravel()[pairs]
    return owners, _run_on(owner, strokes, sheet), _is_left(owner, table, strokes, sheet)


def _find_strokes(mask: Mask, sheet: Sheet) -> _Strokes:
    whole = cv2.dilate(mask, NEAR)  # a stroke that a scan broke is one stroke
    count, labeled = cv2.connectedComponents(whole, connectivity=8, ltype=cv2.CV_32S)
    places = np.flatnonzero(mask != 0)
    labels = labeled.ravel()[places] - 1
    y, x = np.divmod(places, mask.shape[1])
    boxes = np.tile(np.array([mask.shape[1], mask.shape[0], 0, 0]), (count - 1, 1))
    for column, along in ((0, x), (1, y)):
        np.minimum.at(boxes[:, column], labels, along)
        np.maximum.at(boxes[:, column + 2], labels, along + 1)
    is_in = (boxes[:, None, :2] >= sheet.strips[:, :2]) & (
        boxes[:, None, :2] < sheet.strips[:, 2:]
    )  # (strokes, rows, 2)
    return _Strokes(places, labels, boxes.astype(np.int32), is_in.all(axis=2).argmax(axis=1))


def _cell_map(sheet: Sheet, is_open: Truths) -> npt.NDArray[np.int16]:
    """(h, w) 1 + index within its row of the cell at each place, 0 between cells."""
    cells = np.zeros(sheet.gray.shape, np.int16)
    x0, y0, x1, y1 = sheet.boxes.T
    overhang = np.where(is_open[sheet.row_of], OVERHANG * (y1 - y0), 0).astype(int)
    tops = np.maximum(y0 - overhang, sheet.strips[sheet.row_of, 1])
    numbers = np.arange(len(x0)) - sheet.starts[sheet.row_of] + 1
    for number, left, top, right, bottom in np.stack([numbers, x0, tops, x1, y1], axis=1).tolist():
        cells[top : bottom + 1, left : right + 1] = number
    return cells


def _deal(table: Cells, strokes: _Strokes, sheet: Sheet) -> npt.NDArray[np.uint8]:
    """Whose the pixels of each stroke are, by the cell of its row they lie in: (strokes, 1 + cells of a row).

    `table` counts these pixels.
    """
    area, inside = table.sum(axis=1), table[:, 1:]
    most, starts = inside.max(axis=1), sheet.starts[strokes.row_of]
    winner = starts + inside.argmax(axis=1)
    belongs = (most >= INSIDE * area) | (inside.sum(axis=1) >= INSIDE_ROW * area)
    belongs &= ~(_is_residue(strokes.boxes, sheet.boxes[winner]) | _is_print_above(strokes, sheet, winner))
    is_shared = (inside >= SHARED * area[:, None]).sum(axis=1) > 1

    whole = np.flatnonzero(belongs & ~is_shared)
    shared, column = np.nonzero(inside * (belongs & is_shared)[:, None])
    cell = np.concatenate([winner[whole], starts[shared] + column])  # (pieces,)
    keep = _is_no_dirt(np.concatenate([area[whole], inside[shared, column]]), cell, sheet.boxes)
    number = np.where(keep, cell % OWNERS + 1, 0)
    owner = np.zeros(table.shape, np.uint8)
    owner[whole] = number[: len(whole), None]
    owner[shared, column + 1] = number[len(whole) :]
    return owner


def _goes_on(strokes: _Strokes, sheet: Sheet) -> Truths:
    """(strokes,) which reach the upper or lower edge of their strip."""
    strips = sheet.strips[strokes.row_of]
    return np.asarray((strokes.boxes[:, 1] <= strips[:, 1]) | (strokes.boxes[:, 3] >= strips[:, 3]))


def _run_on(owner: npt.NDArray[np.uint8], strokes: _Strokes, sheet: Sheet) -> Truths:
    """(cells,) which have a part of a stroke that reaches the upper or lower edge of its strip."""
    stroke, part = np.nonzero(owner * _goes_on(strokes, sheet)[:, None])
    runs_on = np.zeros(len(sheet.boxes), np.bool_)
    cells = np.arange(len(runs_on))
    for row, number in zip(strokes.row_of[stroke].tolist(), owner[stroke, part].tolist(), strict=True):
        runs_on |= (sheet.row_of == row) & (cells % OWNERS + 1 == number)
    return runs_on


def _is_left(owner: npt.NDArray[np.uint8], table: Cells, strokes: _Strokes, sheet: Sheet) -> Truths:
    """(cells,) in which a part of a stroke lies that is no cell's, and too large for a rest of the frame."""
    inside = table[:, 1:]
    cell = sheet.starts[strokes.row_of] + inside.argmax(axis=1)
    size, cell_size = (boxes[:, 2:] - boxes[:, :2] for boxes in (strokes.boxes, sheet.boxes[cell]))
    is_large = (size >= LEFT * cell_size).any(axis=1) & (inside.max(axis=1) >= SPECK * cell_size.prod(axis=1))
    is_left = is_large & ~(owner.any(axis=1) | _goes_on(strokes, sheet) | _is_residue(strokes.boxes, sheet.boxes[cell]))
    left = np.zeros(len(sheet.boxes), np.bool_)
    left[cell[is_left]] = True
    return left


def _deal_hanging(
    owner: npt.NDArray[np.uint8], touching: Cells, touches: Truths, strokes: _Strokes, sheet: Sheet
) -> None:
    """Give arcs that crossed a line of their cell at so low an angle that nothing joins them to it any more.

    They lie beside the line, flat, within the width of one cell, and its ink touches the line from the other side.
    """
    left, top, right, bottom = strokes.boxes.T
    width, height = right - left, bottom - top
    is_arc = (touching > 0) & (height >= LEAST_HANGING) & (width > height)
    is_arc &= ~_goes_on(strokes, sheet)  # what goes on belongs to the next row
    x0, y0, x1, y1 = sheet.boxes.T
    for stroke in np.flatnonzero(is_arc & ~owner.any(axis=1)).tolist():
        is_over = (sheet.row_of == strokes.row_of[stroke]) & (x0 <= left[stroke]) & (right[stroke] <= x1)
        is_above = touches[:, 0] & (np.abs(y0 - bottom[stroke]) <= FRAME_REACH)
        is_below = touches[:, 1] & (np.abs(y1 - top[stroke]) <= FRAME_REACH)
        cells = np.flatnonzero(is_over & (is_above | is_below))
        if len(cells):
            owner[stroke] = cells[0] % OWNERS + 1


def _is_residue(strokes: Ints, boxes: Ints) -> npt.NDArray[np.bool_]:
    """Rests of the frame: thin ones along an edge of their cell, small ones in a corner."""
    left, top, right, bottom = strokes.T
    width, height = right - left, bottom - top
    x0, y0, x1, y1 = boxes.T
    reach = FRAME_REACH - 2
    at_side = (right <= x0 + reach) | (left >= x1 - reach)
    at_end = (bottom <= y0 + reach) | (top >= y1 - reach)
    upright = (width <= reach) & at_side & (width * 2 < height + 6)
    level = (height <= reach) & at_end & (height * 2 < width + 6)
    corner_x, corner_y = CORNER * (x1 - x0), CORNER * (y1 - y0)
    in_corner = (right <= x0 + corner_x) | (left >= x1 - corner_x)
    in_corner &= (bottom <= y0 + corner_y) | (top >= y1 - corner_y)
    return np.asarray(upright | level | in_corner)


def _is_print_above(strokes: _Strokes, sheet: Sheet, cell: Cells) -> Truths:
    """What reaches down from above the strip, but hardly into its cell: words over cells without a top."""
    y0, y1 = sheet.boxes[cell][:, [1, 3]].T
    top, bottom = strokes.boxes[:, [1, 3]].T
    is_above = (top <= sheet.strips[strokes.row_of, 1]) | (top + bottom < 2 * y0)
    return np.asarray(is_above & (bottom < y0 + OVERHANG * (y1 - y0)))


def _is_no_dirt(area: Cells, cell: Cells, boxes: Ints) -> npt.NDArray[np.bool_]:
    """Which pieces of ink are large enough for their cell, and beside the largest one in it."""
    largest = np.zeros(len(boxes), np.intp)
    np.maximum.at(largest, cell, area)
    cell_area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray(area >= np.maximum(SPECK * cell_area, LESSER * largest)[cell])

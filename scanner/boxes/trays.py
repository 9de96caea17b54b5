"""Boxes without a top, each by itself: two sides on a line of their own."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.boxes.broken import Vector, step_and_size
from scanner.boxes.combs import SAME_LINE
from scanner.boxes.holes import MAX_ASPECT, MAX_SIDE, MIN_ASPECT, MIN_SIDE, PRINTED_SIDE, bands
from scanner.boxes.lines import TOLERANCE, Boxes, Lines, side_coverage, snap_sides
from scanner.boxes.rows import chain_cells, find_rows, split_irregular

ALIKE = 0.15  # of the height: the sides of one box end together, but for this much
EVERY = 2  # lines of pixels: sides are several times as long
WIDEST = 0.3  # of its height is a side; one that leans is wider than its line
APART = 0.05  # of the width, between two boxes at least; sides that two cells share are ticks of a comb
LEAST_APART = 3.0  # pixels of the same
FLOOR = 4  # pixels above the lower end of the sides in which their line is
BREAK = 3  # pixels, a break in that line at most
TOP = 0.5  # coverage of a top that is there: the box is closed
RULED = 0.95  # coverage of the sides of a typical box
SEEN = 0.3  # of the boxes of a row are whole
LEAST = 3  # boxes of a row; letters on a line make two ...
PEER = 0.08  # ... which a row of two is taken for, unless it is as large as those of a longer one, but for this part
BEYOND = 8  # boxes that a row may have beyond those whose sides are whole


def find_trays(ink: Mask, lines: Lines, known: Sequence[Boxes] = ()) -> list[Boxes]:
    """Rows of boxes that are open at the top and stand apart, each (n, 4) from left to right; `known` are closed."""
    trays = _trays(ink, lines, known)
    if len(trays) < LEAST:  # most pages end here
        return []
    chains = [trays[chain] for chain in chain_cells(trays)]
    seeds = [row for chain in chains for row in split_irregular(chain) if len(row) > 1 and _is_spaced(row)]
    if not seeds:
        return []
    rows = find_rows(snap_sides(lines, np.concatenate(seeds)), _with_tops(lines, seeds))
    rows = [row for row in rows if _is_spaced(row) and _is_drawn(lines, row) and _is_seen(row, trays)]
    sizes = [step_and_size(row)[1] for row in rows if len(row) >= LEAST]
    return [row for row in rows if len(row) >= LEAST or _is_as_large(row, sizes)]


def _is_as_large(row: Boxes, sizes: Sequence[Vector]) -> bool:
    return any(np.allclose(step_and_size(row)[1], size, rtol=PEER) for size in sizes)


def _trays(ink: Mask, lines: Lines, known: Sequence[Boxes]) -> Boxes:
    """(n, 4) two sides of like height with an unbroken line from foot to foot, and none from head to head."""
    sides = _beside(_sides(lines.vertical), known)
    found = [np.zeros((0, 4), np.float32)]
    for some, others in bands(sides):
        x0, y0, x1, y1 = (each[:, None] for each in sides[some].T)
        other_x0, other_y0, other_x1, other_y1 = sides[others].T
        height, width = y1 - y0, (other_x0 + other_x1 - x0 - x1) / 2
        fits = (np.abs(other_y1 - y1) <= ALIKE * height) & (np.abs(other_y0 - y0) <= ALIKE * height)
        fits &= (width >= np.maximum(MIN_ASPECT * height, MIN_SIDE)) & (width <= MAX_ASPECT * height)
        left, right = np.nonzero(fits)
        one, other = sides[some[left]], sides[others[right]]
        box = np.stack([one[:, [0, 2]].mean(axis=1), one[:, 1], other[:, [0, 2]].mean(axis=1), one[:, 3]], axis=1)
        box[:, 1::2] = (one[:, 1::2] + other[:, 1::2]) / 2
        coverage = side_coverage(lines, box)
        is_tray = (coverage[:, [0, 2, 3]].min(axis=1, initial=1) >= PRINTED_SIDE) & (coverage[:, 1] < TOP)
        found.append(np.array([each for each in box[is_tray] if _has_floor(ink, each)], np.float32).reshape(-1, 4))
    return _narrowest(np.concatenate(found))


def _has_floor(ink: Mask, box: npt.NDArray[np.float32]) -> bool:
    """Whether the lower line goes from side to side: that of two boxes has a gap between them."""
    x0, y1, x1 = (round(float(each)) for each in box[[0, 3, 2]])
    floor = ink[max(y1 - FLOOR, 0) : y1 + 2, x0 : x1 + 1].max(axis=0, initial=0)
    places = np.flatnonzero(floor)
    return len(places) > 1 and int(np.diff(places).max()) <= BREAK


def _sides(vertical: Mask) -> Boxes:
    """(n, 4) the upright lines that may be a side; looked for in some lines of pixels only."""
    thin = np.ascontiguousarray(vertical[::EVERY])
    contours, _ = cv2.findContours(thin, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = np.array([cv2.boundingRect(contour) for contour in contours], np.float32).reshape(-1, 4)
    found[:, 1::2] *= EVERY
    x, y, width, height = found.T
    is_side = (height >= MIN_SIDE) & (height <= MAX_SIDE) & (width <= WIDEST * height)
    return np.stack([x, y, x + width - 1, y + height - 1], axis=1)[is_side]


def _beside(sides: Boxes, known: Sequence[Boxes]) -> Boxes:
    """Those that are no sides of known boxes."""
    if not known:
        return sides
    x0, y0, x1, y1 = np.concatenate(known).T
    x, y = (sides[:, 0] + sides[:, 2])[:, None] / 2, (sides[:, 1] + sides[:, 3])[:, None] / 2
    is_known = (np.minimum(np.abs(x - x0), np.abs(x - x1)) <= SAME_LINE) & (y > y0) & (y < y1)
    return sides[~is_known.any(axis=1)]


def _narrowest(trays: Boxes) -> Boxes:
    """Of those that share a left side the narrowest: others go on over the next box, or a gap."""
    order = np.lexsort((trays[:, 2], trays[:, 1], trays[:, 0]))
    trays = trays[order]
    is_first = np.ones(len(trays), np.bool_)
    is_first[1:] = (np.abs(np.diff(trays[:, :2], axis=0)) > TOLERANCE).any(axis=1)
    return trays[is_first]


def _is_spaced(row: Boxes) -> bool:
    gaps, widths = row[1:, 0] - row[:-1, 2], row[:, 2] - row[:, 0]
    return bool(np.median(gaps) >= max(LEAST_APART, APART * float(np.median(widths))))


def _is_drawn(lines: Lines, row: Boxes) -> bool:
    """Whether the sides are there as if ruled; the grain of wood or cloth has gaps."""
    return bool(np.median(side_coverage(lines, row)[:, [0, 2]].min(axis=1)) >= RULED)


def _is_seen(row: Boxes, trays: Boxes) -> bool:
    """Whether enough of the boxes of a row were found by themselves; it has grown over the others."""
    off = np.abs(row[:, None] - trays[None]).max(axis=2).min(axis=1)
    return bool((off <= ALIKE * (row[:, 3] - row[:, 1])).mean() >= SEEN)


def _with_tops(lines: Lines, rows: list[Boxes]) -> Lines:
    """The lines with tops over the rows, and a little beyond: then they are boxes as others are."""
    near = lines.near_horizontal.copy()
    for row in rows:
        step = (row[-1] - row[0]) / (len(row) - 1)
        start, end = row[0] - BEYOND * step, row[-1] + BEYOND * step
        corners = np.rint([start[:2], end[[2, 1]]]).astype(int).tolist()
        cv2.line(near, corners[0], corners[1], (255,), 2 * TOLERANCE + 1)
    return Lines(lines.horizontal, lines.vertical, near, lines.near_vertical)

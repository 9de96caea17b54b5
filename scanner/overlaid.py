"""Where the frame is more than a frame: strokes that cross a printed line, and strokes that lie on it."""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.strips import Floats, Ints

CROSSING = 12  # pixels on each side of a line pixel, itself counted, where a crossing stroke goes on
DEEP = 2  # pixels across a line; thinner ink beside it is its own rough edge
LEAN = 2  # pixels along a line by which such a stroke may go on beside where it came
PLACES = 32  # along half a side of a cell, where its line is compared with those of the other cells
DARKER = 1.15  # times the darkness of these lines: a stroke lies on this one
LONG_ENOUGH = 9  # places: less is a stroke's end, or the grain of a fax
NEAR = 6  # places from there to where ink stands beside the line
BESIDE = 2  # pixels from the line to that ink
ENOUGH_LINES = 3  # of a row, to tell what a line looks like by itself

Cells = npt.NDArray[np.intp]


def crossings(cleaned: Mask, line: Mask, direction: tuple[int, int]) -> Mask:
    """Where a line has cleaned ink, deep enough to be more than its own rough edge, on both of its sides: there a
    stroke goes through. `direction` (x, y) is across the line."""
    deep_x, deep_y = (1 + (DEEP - 1) * along for along in direction)
    strokes = cv2.morphologyEx(cleaned, cv2.MORPH_OPEN, np.ones((deep_y, deep_x), np.uint8))
    reach_x, reach_y = ((CROSSING - 1) * along for along in direction)
    lean_x, lean_y = (LEAN * (1 - along) for along in direction)
    one_side = np.ones((reach_y + 2 * lean_y + 1, reach_x + 2 * lean_x + 1), np.uint8)
    before = cv2.dilate(strokes, one_side, anchor=(reach_x + lean_x, reach_y + lean_y))
    after = cv2.dilate(strokes, one_side, anchor=(lean_x, lean_y))
    return cv2.bitwise_and(cv2.bitwise_and(before, after), line)


def overlaid(lines: Ints, kind: Cells, darkness_total: Ints, cleaned_total: Ints) -> Ints:
    """(m, 4) x0, y0, x1, y1 of the parts of upright lines on which a stroke lies: the bar of a 7 along the frame.

    There a line is darker, or as dark over more of its width, than the same line of the other cells of its row is at
    the same place (rounded corners are dark, too), and other ink of the stroke is beside it.

    Args:
        lines: (n, 4) x0, y0, x1, y1 of half sides.
        kind: (n,) the same for the same half side of all cells of a row.
        darkness_total: integral of the darkness of the sheet.
        cleaned_total: integral of its ink without the lines.
    """
    x0, y0, x1, y1 = lines.T
    left, right = np.maximum(x0 - BESIDE, 0), np.minimum(x1 + BESIDE, cleaned_total.shape[1] - 1)
    corners = cleaned_total[y1, right] - cleaned_total[y0, right] - cleaned_total[y1, left] + cleaned_total[y0, left]
    touched = np.flatnonzero(corners > 0)
    if not len(touched):
        return lines[:0]
    places = (np.arange(PLACES) + 0.5) / PLACES
    at = np.rint(y0[:, None] + (y1 - y0)[:, None] * places - 0.5).astype(np.intp)  # (n, PLACES)
    darkness = _across(darkness_total, x0, x1, at)
    is_dark = darkness[touched] > DARKER * _usual(darkness, kind)[touched]
    ink_beside = _across(cleaned_total, left[touched], right[touched], at[touched]) > 0
    is_near = cv2.dilate(ink_beside.astype(np.uint8), np.ones((1, 2 * NEAR + 1), np.uint8))
    is_over = cv2.morphologyEx(is_near * is_dark, cv2.MORPH_OPEN, np.ones((1, LONG_ENOUGH), np.uint8))
    line, place = np.nonzero(is_over)
    left, top, right, bottom = lines[touched[line]].T
    ends = top + (bottom - top) * np.stack([place, place + 1]) // PLACES
    return np.stack([left, ends[0], right, ends[1] + 1], axis=1).astype(np.int32)


def _across(total: Ints, x0: Ints, x1: Ints, at: Cells) -> Ints:
    """(n, PLACES) sums of the pixels from x0 to x1, (n,) each, at each y."""
    left, right = x0[:, None], x1[:, None]
    return np.asarray(total[at + 1, right] - total[at + 1, left] - total[at, right] + total[at, left])


def _usual(values: Ints, kind: Cells) -> Floats:
    """(n, PLACES) the median at each place of all lines of the same kind; infinite where these are too few."""
    kinds, kind, counts = np.unique(kind, return_inverse=True, return_counts=True)
    order = np.argsort(kind, kind="stable")
    rank = np.arange(len(kind)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((len(kinds), counts.max(), values.shape[1]), np.iinfo(np.int32).max, np.int32)
    table[kind[order], rank] = values[order]
    table.sort(axis=1)
    every = np.arange(len(kinds))
    usual = (table[every, (counts - 1) // 2] + table[every, counts // 2]) / 2
    usual[counts < ENOUGH_LINES] = np.inf
    return np.asarray(usual[kind])

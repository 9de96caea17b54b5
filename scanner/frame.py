"""Take the printed frame away from the ink of the cells, and say where that may have taken strokes along."""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.strips import Floats, Ints, Sheet, medians_by

FRAME_REACH = 9  # pixels of the strip a printed line may lie beside where it is expected
FRAME_WANDER = 3  # pixels a side may lie beside where the other sides of its row lie
MIN_FRAME = 0.3  # coverage of a typical side below which the frame is lighter than ink, and gone
FRAME_SHARE = 0.6  # of the typical coverage: less is a stroke near a side that is gone
PROFILE_SHARE = 0.7  # of its best coverage: a line is as thick as that
FRAME_SWELL = 2  # pixels a line may be thicker than the typical one; more is a stroke beside it
SHARED_INK = 0.6  # share of the cells that must have ink at a place for it to be print
CORNER = 0.3  # of the cell: rounded corners leave rests this large
CROSSING = FRAME_REACH + 3  # pixels on each side of a line pixel, itself counted, where a crossing stroke goes on
NEIGHBORS = np.ones((3, 3), np.uint8)
REACHING = np.ones((5, 1), np.uint8)  # two pixels above and below a line

Cells = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]


def remove_frame(mask: Mask, sheet: Sheet, side_share: Floats) -> tuple[Mask, Truths, Truths]:
    """Erase printed lines at the edges of the cells, but not the strokes that cross them.

    Also: (cells,) which cells have strokes along their lines, (cells, 2) in which ink touches the upper and the
    lower line.

    `side_share` (rows,) is the part of the cells' height, from the bottom, to which their sides are printed;
    below 1 they have no top either.
    """
    is_closed = side_share >= 1
    share, boxes = side_share[sheet.row_of], sheet.boxes
    sides = boxes.copy()
    sides[:, 1] = np.where(share < 1, boxes[:, 3] - share * (boxes[:, 3] - boxes[:, 1]), boxes[:, 1])
    total = cv2.integral(mask)
    lines, beside = frame_lines(total, sides, sheet.row_of, np.ones_like(is_closed))
    upright = _draw(mask, lines)
    lines, along = frame_lines(total.T, boxes[:, [1, 0, 3, 2]], sheet.row_of, is_closed)
    level = _draw(mask, lines[:, [1, 0, 3, 2]])
    cleaned = cv2.subtract(mask, cv2.bitwise_or(upright, level))
    crossings = cv2.bitwise_or(_crossings(cleaned, upright, (1, 0)), _crossings(cleaned, level, (0, 1)))
    rest = cv2.bitwise_or(cleaned, cv2.bitwise_and(mask, crossings))
    _erase_corners(rest, mask, sheet, is_closed)
    touching = cv2.bitwise_and(cleaned, cv2.dilate(level, REACHING))
    return rest, beside | along, _touches(touching, boxes)


def _touches(touching: Mask, boxes: Ints) -> Truths:
    """(cells, 2): whether a cell has touching ink in its upper, in its lower half; its corners do not count."""
    total = cv2.integral(touching)
    x0, y0, x1, y1 = boxes.T
    levels = np.stack([y0, (y0 + y1) // 2, y1])
    left, right = x0 + FRAME_REACH, np.maximum(x1 - FRAME_REACH, x0 + FRAME_REACH)
    above = total[levels, right] - total[levels, left]
    return np.asarray(np.diff(above, axis=0).T > 0)


def _draw(mask: Mask, lines: Ints) -> Mask:
    drawn = np.zeros_like(mask)
    for x0, y0, x1, y1 in lines.tolist():
        drawn[y0:y1, x0:x1] = 255
    return drawn


def frame_lines(total: Ints, boxes: Ints, row_of: Cells, has_near_side: Truths) -> tuple[Ints, Truths]:
    """(lines, 4) x0, y0, x1, y1 of the left and right sides of the boxes that are printed; and (n,) of which boxes
    a stroke runs along them.

    Each half of a side is looked for by itself, so that lines may lean; where most sides of the row lie and how
    much of them is there tells frames from strokes beside them.

    Args:
        total: integral of the ink mask.
        boxes: (n, 4) x0, y0, x1, y1.
        row_of: (n,) the row each belongs to.
        has_near_side: (rows,) whether there are left sides.
    """
    every, rows = np.arange(len(boxes)), len(has_near_side)
    near = every[has_near_side[row_of]]
    x0, y0, x1, y1 = boxes.T
    middle = (y0 + y1) // 2
    box = np.concatenate([near, near, every, every])  # (sides,) as all below
    row = row_of[box]
    xs = np.concatenate([x0[near], x0[near], x1, x1])
    tops = np.concatenate([y0[near], middle[near], y0, middle])
    bottoms = np.concatenate([middle[near], y1[near], middle, y1])
    coverage = _coverage(total, xs, tops, bottoms)  # (sides, 2 * FRAME_REACH + 1)
    peak = coverage.max(axis=1)
    typical = medians_by(row, peak, rows)[row]
    start, end = _runs(coverage, np.maximum(FRAME_SHARE * typical, PROFILE_SHARE * peak))
    solid = peak >= typical
    center = medians_by(row[solid], (start + end)[solid], rows)[row] / 2
    thickness = medians_by(row[solid], (end - start)[solid], rows)[row]
    low = np.maximum(np.floor(center - thickness / 2 - FRAME_WANDER), 0)
    high = np.ceil(center + thickness / 2 + FRAME_WANDER)
    start, end = np.clip(start, low, high), np.clip(end, low, high)
    is_line = (typical >= MIN_FRAME) & (peak >= FRAME_SHARE * typical) & (end > start)
    is_swollen = is_line & (end - start > thickness + FRAME_SWELL)  # a stroke runs along the line
    start = np.where(is_swollen, np.rint(center - thickness / 2), start)
    end = np.where(is_swollen, np.rint(center + thickness / 2), end)
    left = xs - FRAME_REACH
    lines = np.stack([left + start - 1, tops - 1, left + end + 1, bottoms + 2], axis=1)
    return np.maximum(lines[is_line], 0).astype(np.int32), np.isin(every, box[is_swollen])


def _coverage(total: Ints, xs: Ints, tops: Ints, bottoms: Ints) -> Floats:
    """Share of ink in each column within FRAME_REACH of each x, between top and bottom."""
    columns = np.clip(xs[:, None] + np.arange(-FRAME_REACH, FRAME_REACH + 2), 0, total.shape[1] - 1)
    ink = np.diff(total[bottoms[:, None], columns] - total[tops[:, None], columns], axis=1)
    return np.asarray(ink / (255.0 * np.maximum(bottoms - tops, 1)[:, None]))


def _runs(coverage: Floats, level: Floats) -> tuple[Cells, Cells]:
    """First and one past the last column around the best one of each side that reach the level."""
    columns = np.arange(coverage.shape[1])
    best = coverage.argmax(axis=1)[:, None]
    is_out = coverage < level[:, None]
    start = np.where(is_out & (columns < best), columns, -1).max(axis=1) + 1
    end = np.where(is_out & (columns >= best), columns, coverage.shape[1]).min(axis=1)
    return start, end


def _crossings(cleaned: Mask, line: Mask, direction: tuple[int, int]) -> Mask:
    """Where a line has cleaned ink on both of its sides: there a stroke goes through."""
    reach_x, reach_y = ((CROSSING - 1) * along for along in direction)
    one_side = np.ones((reach_y + 1, reach_x + 1), np.uint8)
    before = cv2.dilate(cleaned, one_side, anchor=(reach_x, reach_y))
    after = cv2.dilate(cleaned, one_side, anchor=(0, 0))
    return cv2.bitwise_and(cv2.bitwise_and(before, after), line)


def _erase_corners(rest: Mask, mask: Mask, sheet: Sheet, is_closed: Truths) -> None:
    """Erase from the rest what most cells of a row have in the same corner: rounded corners."""
    row_of, boxes, starts, counts = sheet.row_of, sheet.boxes, sheet.starts, np.bincount(sheet.row_of)
    needed = np.where(counts > 2, np.ceil(SHARED_INK * counts), 2).astype(int)
    may_have = is_closed & (counts > 1)
    spans = boxes[:, 2:] - boxes[:, :2]
    typical = np.stack([medians_by(row_of, along, len(counts)) for along in spans.T], axis=1)
    sizes = (CORNER * typical.astype(int)).astype(int)[row_of]  # (cells, 2)
    bits = cv2.threshold(mask, 0, 1, cv2.THRESH_BINARY)[1]
    for far in np.ndindex(2, 2):  # from the right, from the bottom
        first = np.where(far, boxes[:, 2:] - sizes, boxes[:, :2] - FRAME_WANDER)
        corners = np.concatenate([first, first + sizes + FRAME_WANDER], axis=1)
        shared = _shared_ink(bits, corners, starts, needed)
        is_touched = (may_have & shared.any(axis=(1, 2)))[row_of]
        for row, (x0, y0, x1, y1) in zip(row_of[is_touched].tolist(), corners[is_touched].tolist(), strict=True):
            place = rest[y0:y1, x0:x1]
            cv2.subtract(place, shared[row, : y1 - y0, : x1 - x0], place)


def _shared_ink(bits: Mask, boxes: Ints, starts: Cells, needed: Cells) -> Mask:
    """(rows, height, width) what so many boxes of a row have in common, and a pixel around; `bits` is 1 for ink."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).max(axis=0).tolist()
    patches = np.zeros((len(boxes), height + 1, width), np.uint8)  # an empty line between rows
    for patch, (x0, y0, x1, y1) in zip(patches, boxes.tolist(), strict=True):
        patch[: y1 - y0, : x1 - x0] = bits[y0:y1, x0:x1]
    counts = np.add.reduceat(patches.reshape(len(boxes), -1), starts, axis=0, dtype=np.uint8)  # no row has 255 cells
    shared = np.asarray(counts >= needed[:, None], np.uint8) * np.uint8(255)
    return cv2.dilate(shared.reshape(-1, width), NEIGHBORS).reshape(len(starts), height + 1, width)

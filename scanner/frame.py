"""Take the printed frame away from the ink of the cells, but not the strokes that cross it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask
from scanner.overlaid import crossings, overlaid
from scanner.strips import Floats, Ints, Sheet, medians_by

FRAME_REACH = 9  # pixels of the strip a printed line may lie beside where it is expected
FRAME_WANDER = 3  # pixels a side may lie beside where the other sides of its row lie
MIN_FRAME = 0.6  # coverage of a typical side below which the frame is lighter than ink, and gone
DARK_FRAME = 0.9  # coverage of a typical side of a frame surely darker than the limit of ink
SHOWN = 0.1  # part of a pale line that is in the ink of a cell
WHOLE_FRAME = 0.8  # coverage of both sides of a cell in ink so light that its light frame is as dark
FRAME_SHARE = 0.6  # of the typical coverage: less is a stroke near a side that is gone
PROFILE_SHARE = 0.7  # of its best coverage: a line is as thick as that
FRAME_SWELL = 2  # pixels a line may be thicker than the typical one; more is a stroke beside it
FAR_COST = 0.02  # of coverage for each pixel beside that place: the line of the next box is often as near
SNAP_REACH = 12  # pixels a side may lie beside where it is expected, before its cell is moved there
SNAP_WIDTH = 8  # pixels the cells of a row may be wider or narrower than expected
SNAP_COST = 0.02  # of fit for each pixel a cell is moved or made wider: the next box is as well framed
SNAP_LEAST = 0.5  # coverage of a typical cell below which its frame is not in the ink
PLATEAU = 0.9  # of the best fit: a thick line fits in several places; its middle is meant
SNAP_SHARE = 0.6  # of the fit of a typical cell: with less a cell goes where the others go
SHARED_INK = 0.6  # share of the cells that must have ink at a place for it to be print
CORNER = 0.3  # of the cell: rounded corners leave rests this large
CORNER_DEPTH = 10  # pixels: a corner so round keeps that near to one of its two sides
LONG = 1.8  # of a cell's width: a level line of that length in cells without a top is of another row
NEIGHBORS = np.ones((3, 3), np.uint8)
TURNED = [1, 0, 3, 2]  # x0, y0, x1, y1 of a box with x and y exchanged
REACHING = np.ones((5, 1), np.uint8)  # two pixels above and below a line

Cells = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Frameless:
    """The ink of a sheet (h, w) without its printed lines."""

    ink: Mask
    touching: Mask  # the ink beside level lines
    on_frame: Truths  # (cells,) which have a stroke along one of their lines, gone with it
    touches: Truths  # (cells, 2) in which ink touches the upper, the lower line


@dataclass(frozen=True)
class FrameLines:
    """Half sides of cells that are printed."""

    lines: Ints  # (n, 4) x0, y0, x1, y1
    kind: Cells  # (n,) the same for the same half side of all cells of a row
    has_stroke: Truths  # (cells,) along whose sides a stroke runs
    typical: Floats  # (rows,) coverage of a typical half side

    @property
    def row(self) -> Cells:
        """(n,) of which row."""
        return self.kind // 4


def remove_frame(mask: Mask, faint: Callable[[], Mask], darkness: Gray, sheet: Sheet, side_share: Floats) -> Frameless:
    """Erase printed lines at the edges of the cells, but not the strokes that cross them or lie on them.

    `faint` gives the ink with what is somewhat paler, if it is needed: it shows frames about as dark as the palest
    strokes of their row.
    `side_share` (rows,) is the part of the cells' height, from the bottom, to which their sides are printed;
    below 1 they have no top either.
    """
    is_closed = side_share >= 1
    mask = _without_long_lines(mask, sheet, ~is_closed)
    share, boxes = side_share[sheet.row_of], sheet.boxes
    sides = boxes.copy()
    sides[:, 1] = np.where(share < 1, boxes[:, 3] - share * (boxes[:, 3] - boxes[:, 1]), boxes[:, 1])
    total = cv2.integral(mask)
    upright = frame_lines(total, sides, sheet.row_of, np.ones_like(is_closed))
    level = frame_lines(total.T, boxes[:, TURNED], sheet.row_of, is_closed)
    if min(upright.typical.min(), level.typical.min()) < DARK_FRAME:
        pale = cv2.integral(faint())
        upright = _with_pale(upright, total, frame_lines(pale, sides, sheet.row_of, np.ones_like(is_closed)))
        level = _with_pale(level, total.T, frame_lines(pale.T, boxes[:, TURNED], sheet.row_of, is_closed))
    upright_mask, level_mask = _draw(mask, upright.lines), _draw(mask, level.lines[:, TURNED])
    cleaned = cv2.subtract(mask, cv2.bitwise_or(upright_mask, level_mask))
    crossing = cv2.bitwise_or(crossings(cleaned, upright_mask, (1, 0)), crossings(cleaned, level_mask, (0, 1)))
    totals = cv2.integral(darkness, total), cv2.integral(cleaned)  # new memory costs more than the sums
    on_upright = overlaid(upright.lines, upright.kind, *totals)
    on_level = overlaid(level.lines, level.kind, *(each.T for each in totals))[:, TURNED]
    strokes = cv2.bitwise_or(crossing, _draw(mask, np.concatenate([on_upright, on_level])))
    rest = cv2.bitwise_or(cleaned, cv2.bitwise_and(mask, strokes))
    _erase_corners(rest, mask, sheet, is_closed)
    touching = cv2.bitwise_and(cleaned, cv2.dilate(level_mask, REACHING))
    return Frameless(rest, touching, upright.has_stroke | level.has_stroke, _touches(touching, boxes))


def _with_pale(sure: FrameLines, total: Ints, pale: FrameLines) -> FrameLines:
    """The sure lines; of rows whose frames hardly are in the ink, those that the faint ink shows.

    There a cell has them that shows a part of them in its own ink. `total`: integral of the ink.
    """
    x0, y0, x1, y1 = pale.lines.T
    ink = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
    is_seen = (sure.typical < DARK_FRAME)[pale.row] & (ink >= SHOWN * 255 * (x1 - x0) * (y1 - y0))
    kept = ~np.isin(sure.row, pale.row[is_seen])
    return replace(
        sure,
        lines=np.concatenate([sure.lines[kept], pale.lines[is_seen]]),
        kind=np.concatenate([sure.kind[kept], pale.kind[is_seen]]),
    )


def snap_to_frames(mask: Mask, sheet: Sheet, side_share: Floats) -> Sheet:
    """The sheet with each closed cell moved to where its frame is printed: both of its sides at once must fit there.

    One side alone may be a stroke; two as far apart as those of the other cells of the row are the frame.
    """
    total, boxes = cv2.integral(mask), sheet.boxes.copy()
    is_closed = (side_share >= 1)[sheet.row_of]
    across = _snapped(total, boxes, sheet.row_of)
    along = _snapped(total.T, boxes[:, TURNED], sheet.row_of)
    moved = np.stack([across[:, 0], along[:, 0], across[:, 1], along[:, 1]], axis=1)
    strips = sheet.strips[sheet.row_of]
    moved = np.clip(moved, np.tile(strips[:, :2] + 1, 2), np.tile(strips[:, 2:] - 2, 2))
    return replace(sheet, boxes=np.where(is_closed[:, None], moved, boxes).astype(np.int32))


def _snapped(total: Ints, boxes: Ints, row_of: Cells) -> Ints:
    """(n, 2) x0 and x1 of the boxes, moved so that both of their sides are where a line is printed."""
    x0, y0, x1, y1 = boxes.T
    rows, every = int(row_of[-1]) + 1, np.arange(len(boxes))
    near, far = (_widened(_coverage(total, x, y0, y1, SNAP_REACH + SNAP_WIDTH)) for x in (x0, x1))
    widths, shifts = np.arange(-SNAP_WIDTH, SNAP_WIDTH + 1), np.arange(-SNAP_REACH, SNAP_REACH + 1)
    place = shifts - widths[:, None] // 2 + SNAP_REACH + SNAP_WIDTH  # (widths, shifts) of the near side
    fit = np.minimum(near[:, place], far[:, place + widths[:, None]])
    fit = fit - SNAP_COST * (np.abs(shifts) + np.abs(widths)[:, None])
    wider = np.zeros((rows, len(widths)))
    np.add.at(wider, row_of, fit.max(axis=2))
    start, end = _runs(wider, wider.argmax(axis=1), PLATEAU * wider.max(axis=1))
    width = ((start + end) // 2)[row_of]
    fit = fit[every, width]  # (n, shifts)
    best = fit.max(axis=1)
    typical = medians_by(row_of, best, rows)[row_of]
    start, end = _runs(fit, fit.argmax(axis=1), PLATEAU * best)
    is_sure = best >= SNAP_SHARE * typical
    usual = medians_by(row_of[is_sure], (start + end)[is_sure], rows)[row_of]
    shift = np.where(is_sure, start + end, usual) // 2 - SNAP_REACH - widths[width] // 2
    moved = np.stack([x0 + shift, x1 + shift + widths[width]], axis=1)
    return np.where((typical >= SNAP_LEAST)[:, None], moved, boxes[:, [0, 2]])


def _widened(coverage: Floats) -> Floats:
    """The best coverage of each column and those beside it, as thin lines lean."""
    return np.asarray(cv2.dilate(coverage, np.ones((1, 3))))


def _touches(touching: Mask, boxes: Ints) -> Truths:
    """(cells, 2): whether a cell has touching ink in its upper, in its lower half; its corners do not count."""
    total = cv2.integral(touching)
    x0, y0, x1, y1 = boxes.T
    levels = np.stack([y0, (y0 + y1) // 2, y1])
    left, right = x0 + FRAME_REACH, np.maximum(x1 - FRAME_REACH, x0 + FRAME_REACH)
    above = total[levels, right] - total[levels, left]
    return np.asarray(np.diff(above, axis=0).T > 0)


def _without_long_lines(mask: Mask, sheet: Sheet, is_open: Truths) -> Mask:
    """Erase level lines above the feet of open cells: the baselines of combs above them, rules, underlines."""
    if not is_open.any():
        return mask
    mask = mask.copy()
    for row in np.flatnonzero(is_open).tolist():
        x0, y0, x1, _ = sheet.strips[row].tolist()
        boxes = sheet.boxes[sheet.row_of == row]
        part = mask[y0 : int(boxes[:, 3].min()) - FRAME_REACH, x0:x1]
        length = int(LONG * (boxes[:, 2] - boxes[:, 0]).mean())
        long = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
        cv2.subtract(part, cv2.dilate(long, REACHING), part)
    return mask


def _draw(mask: Mask, lines: Ints) -> Mask:
    drawn = np.zeros_like(mask)
    for x0, y0, x1, y1 in lines.tolist():
        drawn[y0:y1, x0:x1] = 255
    return drawn


def frame_lines(total: Ints, boxes: Ints, row_of: Cells, has_near_side: Truths) -> FrameLines:
    """The left and right sides of the boxes that are printed.

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
    kind = 4 * row + np.repeat(np.arange(4), [len(near), len(near), len(every), len(every)])
    xs = np.concatenate([x0[near], x0[near], x1, x1])
    tops = np.concatenate([y0[near], middle[near], y0, middle])
    bottoms = np.concatenate([middle[near], y1[near], middle, y1])
    coverage = _coverage(total, xs, tops, bottoms)  # (sides, 2 * FRAME_REACH + 1)
    nearest = (coverage - FAR_COST * np.abs(np.arange(-FRAME_REACH, FRAME_REACH + 1))).argmax(axis=1)
    peak = np.take_along_axis(coverage, nearest[:, None], axis=1)[:, 0]
    typical_of = medians_by(row, peak, rows)
    typical = typical_of[row]
    start, end = _runs(coverage, nearest, np.maximum(FRAME_SHARE * typical, PROFILE_SHARE * peak))
    solid = peak >= typical
    center = medians_by(row[solid], (start + end)[solid], rows)[row] / 2
    thickness = medians_by(row[solid], (end - start)[solid], rows)[row]
    low = np.maximum(np.floor(center - thickness / 2 - FRAME_WANDER), 0)
    high = np.ceil(center + thickness / 2 + FRAME_WANDER)
    start, end = np.clip(start, low, high), np.clip(end, low, high)
    least = np.full(len(boxes), np.inf)
    np.minimum.at(least, box, peak)
    has_frame = (typical >= MIN_FRAME) | (least[box] >= WHOLE_FRAME)
    is_line = has_frame & (peak >= FRAME_SHARE * typical) & (end > start)
    is_swollen = is_line & (end - start > thickness + FRAME_SWELL)  # a stroke runs along the line
    start = np.where(is_swollen, np.rint(center - thickness / 2), start)
    end = np.where(is_swollen, np.rint(center + thickness / 2), end)
    left = xs - FRAME_REACH
    lines = np.stack([left + start - 1, tops - 1, left + end + 1, bottoms + 2], axis=1)
    lines = np.maximum(lines[is_line], 0).astype(np.int32)
    return FrameLines(lines, kind[is_line], np.isin(every, box[is_swollen]), typical_of)


def _coverage(total: Ints, xs: Ints, tops: Ints, bottoms: Ints, reach: int = FRAME_REACH) -> Floats:
    """Share of ink in each column within reach of each x, between top and bottom."""
    columns = np.clip(xs[:, None] + np.arange(-reach, reach + 2), 0, total.shape[1] - 1)
    ink = np.diff(total[bottoms[:, None], columns] - total[tops[:, None], columns], axis=1)
    return np.asarray(ink / (255.0 * np.maximum(bottoms - tops, 1)[:, None]))


def _runs(values: Floats, best: Cells, level: Floats) -> tuple[Cells, Cells]:
    """First and one past the last column around the best one (n,) of each row of values that reach the level (n,)."""
    columns = np.arange(values.shape[1])
    is_out = values < level[:, None]
    start = np.where(is_out & (columns < best[:, None]), columns, -1).max(axis=1) + 1
    end = np.where(is_out & (columns >= best[:, None]), columns, values.shape[1]).min(axis=1)
    return start, end


def _erase_corners(rest: Mask, mask: Mask, sheet: Sheet, is_closed: Truths) -> None:
    """Erase from the rest what most cells of a row have in the same corner: rounded corners."""
    row_of, boxes, starts, counts = sheet.row_of, sheet.boxes, sheet.starts, np.bincount(sheet.row_of)
    needed = np.where(counts > 2, np.ceil(SHARED_INK * counts), 2).astype(int)
    may_have = is_closed & (counts > 1)
    spans = boxes[:, 2:] - boxes[:, :2]
    typical = np.stack([medians_by(row_of, along, len(counts)) for along in spans.T], axis=1)
    sizes = (CORNER * typical.astype(int)).astype(int)[row_of]  # (cells, 2)
    bits = cv2.threshold(mask, 0, 1, cv2.THRESH_BINARY)[1]
    for x0, y0, x1, y1 in boxes.tolist():  # strokes of several digits may well meet there, corners do not reach it
        bits[y0 + CORNER_DEPTH : y1 - CORNER_DEPTH, x0 + CORNER_DEPTH : x1 - CORNER_DEPTH] = 0
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

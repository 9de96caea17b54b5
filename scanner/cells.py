"""The ink inside the cells of a page: cut out, the printed frame taken away, each stroke given to its cell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import DIGIT_SIZE, Digits, Gray, Mask, Quads
from scanner.digits import normalize
from scanner.frame import remove_frame, snap_to_frames
from scanner.guides import without_guides
from scanner.strips import CELL_SIZE, MARGIN, Floats, Sheet, cut_sheet, medians_by
from scanner.strokes import OVERHANG, OWNERS, SPECK, owned_ink

AT_LINE = 0.04  # of the height of a cell: ink so near to its upper or lower line reaches it
MIN_INK = 14  # gray levels darker than paper: less is no ink
NOISE = 4.0  # ink is darker than paper by at least this many sigma of its grain
STEP_SIGMA = 0.954  # the median step between two pixels of grain, in sigma of the grain
WRITTEN = 0.02  # of the inside of a cell is darker than its usual ink: specks are not; more would find watermarks
EDGE = 0.39  # ink begins at this share of that darkness
FRAME_EDGE = 0.7  # of that: a frame is whole where ink as pale is in pieces
BLANK_EDGE = 0.6  # of the least darkness that is ink: where it begins in a cell with little of it
FAINT = 0.2  # of the row's darkness: a lighter cell holds a shadow, not ink
PALE = 24.0  # gray levels darker than paper: what is written beside much darker digits may be no darker
INSET = 0.2  # of the cell: every digit has strokes farther inside, no frame has
MIN_DIGIT = 0.16  # of the cell's height: a smaller mark is a dot
HALF_LINE = 2  # pixels from the edge of a cell, which is the middle of its printed line, to the line's edge
LARGE = 0.5, 0.3  # of the cell's height and width: more than rests of a frame
PART = 0.35  # of one of these: part of a digit, most of which is gone with the frame
SHEET_CELLS = 200  # cells that are read at once, to keep memory small; a longer row is read whole


@dataclass(frozen=True)
class CellInk:
    """What is written in the cells of one row."""

    digits: Digits  # (n, 28, 28); all zero where blank
    is_blank: npt.NDArray[np.bool_]  # (n,)
    extent: npt.NDArray[np.float32]  # (n, 4) bounding box of the ink x0, y0, x1, y1, in parts of its cell
    on_frame: npt.NDArray[np.bool_]  # (n,) a stroke along the frame, or beside, that is no digit's: there may be more
    touches: npt.NDArray[np.bool_]  # (n, 2) ink reaches the upper, the lower line of the cell
    runs_on: npt.NDArray[np.bool_]  # (n,) a stroke goes on far above or below the cell: it may be no digit

    def only(self, cell: int) -> "CellInk":
        """That of one of the cells."""
        return CellInk(*(getattr(self, each.name)[cell : cell + 1] for each in fields(self)))


def read_cells(page: Gray, quads: Quads, side_share: float = 1.0, *, are_boxes: bool = False) -> CellInk:
    """Cut the cells (n, 4, 2) of one row out of the page and bring the ink of each to MNIST form.

    `side_share` is the part of the cells' height, from the bottom, to which their sides are printed;
    below 1 they have no top either.
    """
    return read_cells_of(page, [quads], [side_share], are_boxes=are_boxes)[0]


def read_cells_of(
    page: Gray, rows: Sequence[Quads], side_shares: Sequence[float], *, are_boxes: bool = False
) -> list[CellInk]:
    """`read_cells` for all rows of a page, much faster than one by one.

    `are_boxes`: they are surely boxes to write in. Then what most of them have in common is no ink; else it tells that
    they are something else, as bubbles with letters.
    """
    return [
        ink
        for part in _parts(rows)
        for ink in _read_sheet(cut_sheet(page, rows[part]), np.array(side_shares[part], np.float64), are_boxes)
    ]


def _parts(rows: Sequence[Quads]) -> Iterator[slice]:
    """Rows that together have about SHEET_CELLS cells."""
    start, cells = 0, 0
    for index, row in enumerate(rows):
        if cells and cells + len(row) > SHEET_CELLS:
            yield slice(start, index)
            start, cells = index, 0
        cells += len(row)
    if cells:
        yield slice(start, len(rows))


def _read_sheet(sheet: Sheet, side_share: Floats, are_boxes: bool) -> list[CellInk]:
    darkness = _darkness(sheet)
    peaks, typical = _strokes_inside(darkness, sheet)
    if are_boxes and (bare := without_guides(darkness, sheet, peaks)):
        darkness, sheet = bare
        peaks, typical = _strokes_inside(darkness, sheet)
    grain = _grain(darkness, sheet)
    limits, is_inked = _ink_limits(peaks, typical, grain, sheet)
    digits = np.zeros((len(sheet.boxes), DIGIT_SIZE, DIGIT_SIZE), np.uint8)
    marks = np.zeros((len(sheet.boxes), 4), np.int32)  # bounding boxes of the ink; all zero where blank
    on_blank, on_frame, runs_on = is_inked, is_inked, is_inked
    touches = np.zeros((len(sheet.boxes), 2), np.bool_)
    if is_inked.any() or darkness.max(initial=0) >= MIN_INK:
        ink = _ink_mask(darkness, limits, sheet)
        sheet = snap_to_frames(ink, sheet, side_share)
        faint = partial(_ink_mask, darkness, _faintest(limits, is_inked, sheet), sheet)
        frameless = remove_frame(ink, faint, darkness, sheet, side_share)
        on_blank, touches = frameless.on_frame, frameless.touches
        owners, runs_on, on_frame = owned_ink(frameless, sheet, side_share < 1)
        heights = _heights(sheet, runs_on, side_share < 1)
        for cell, mark, own in _cut_inks(frameless.ink, owners, sheet, heights, is_inked):
            if own is None:
                on_blank[cell] = True
                continue
            marks[cell] = mark
            digits[cell] = normalize(sheet.gray[mark[1] : mark[3], mark[0] : mark[2]], own)
    corner, far = np.tile(sheet.boxes[:, :2], 2), np.tile(sheet.boxes[:, 2:], 2)
    is_blank = marks[:, 2] == 0
    on_frame = on_frame | ((on_blank | _is_pale(darkness, typical, is_inked, grain, sheet)) & is_blank)
    extent = np.where(is_blank[:, None], 0, (marks - corner) / (far - corner)).astype(np.float32)
    at_line = np.stack([extent[:, 1] < AT_LINE, extent[:, 3] > 1 - AT_LINE], axis=1)  # in its corners, too
    touches = touches | (at_line & (~is_blank & (side_share[sheet.row_of] >= 1))[:, None])
    columns = (digits, is_blank, extent, on_frame, touches, runs_on & ~is_blank)
    parts = (np.split(each, sheet.starts[1:]) for each in columns)
    return [CellInk(*row) for row in zip(*parts, strict=True)]


def _darkness(sheet: Sheet) -> Gray:
    """How much darker than the paper around it each pixel is; 0 between the strips."""
    window = CELL_SIZE | 1, CELL_SIZE | 1
    darkness = np.zeros_like(sheet.gray)
    for x0, y0, x1, y1 in sheet.strips.tolist():
        strip = sheet.gray[y0:y1, x0:x1]
        paper = cv2.blur(cv2.max(strip, cv2.blur(strip, window)), window)
        cv2.subtract(paper, strip, darkness[y0:y1, x0:x1])
    return darkness


def _ink_limits(peaks: Floats, typical: Floats, grain: Floats, sheet: Sheet) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Of each cell (n,) the darkness at which ink begins, by that of its own strokes; and whether it has any inside."""
    row_of, rows = sheet.row_of, len(sheet.strips)
    darkest = np.maximum.reduceat(peaks, sheet.starts)
    floor = np.maximum(np.maximum(MIN_INK, NOISE * grain), FAINT * darkest)[row_of]
    is_inked = peaks >= floor
    limits = np.maximum(EDGE * typical, BLANK_EDGE * floor)
    usual = medians_by(row_of[is_inked], limits[is_inked], rows)
    usual = np.where(usual > 0, usual, np.maximum.reduceat(floor, sheet.starts))  # of an empty row
    return np.where(is_inked, limits, usual[row_of]), is_inked


def _is_pale(
    darkness: Gray, typical: Floats, is_inked: npt.NDArray[np.bool_], grain: Floats, sheet: Sheet
) -> npt.NDArray[np.bool_]:
    """(n,) cells beside inked ones with something that is too pale for ink, but has the size of a digit."""
    least = np.maximum(PALE, NOISE * grain)[sheet.row_of]
    pale = ~is_inked & (typical >= least)
    for cell in np.flatnonzero(pale):
        x0, y0, x1, y1 = sheet.boxes[cell].tolist()
        inside = cv2.threshold(_inner(darkness[y0:y1, x0:x1]), typical[cell] / 2, 255, cv2.THRESH_BINARY)[1]
        heights = cv2.connectedComponentsWithStats(inside.astype(np.uint8))[2][1:, cv2.CC_STAT_HEIGHT]
        pale[cell] = heights.max(initial=0) >= PART * (y1 - y0)
    return np.asarray(pale)


def _faintest(limits: Floats, is_inked: npt.NDArray[np.bool_], sheet: Sheet) -> Floats:
    """(n,) a limit below that of all inked cells of the row: frames about as dark as ink are whole there."""
    least = np.minimum.reduceat(np.where(is_inked, limits, np.inf), sheet.starts)[sheet.row_of]
    return np.where(np.isfinite(least), FRAME_EDGE * least, 0)


def _strokes_inside(darkness: Gray, sheet: Sheet) -> tuple[Floats, Floats]:
    """(n,) darkness of the darkest ink well inside each cell, and of the darkest that is no speck."""
    smooth = cv2.blur(darkness, (3, 3))
    inset = (INSET * (sheet.boxes[:, 2:] - sheet.boxes[:, :2])).astype(int)
    inner = np.concatenate([sheet.boxes[:, :2] + inset, sheet.boxes[:, 2:] - inset], axis=1)
    levels = [_levels(smooth[y0:y1, x0:x1].ravel()) for x0, y0, x1, y1 in inner.tolist()]
    peaks, typical = np.array(levels, np.float64).reshape(-1, 2).T
    return peaks, typical


def _levels(inside: npt.NDArray[np.uint8]) -> tuple[int, int]:
    if not inside.size:
        return 0, 0
    place = inside.size - 1 - int(WRITTEN * inside.size)
    parted = np.partition(inside, place)
    return int(parted[place:].max()), int(parted[place])


def _grain(darkness: Gray, sheet: Sheet) -> Floats:
    """(rows,) sigma of the grain of the paper; 0 where it is too little to matter."""
    matters = int(MIN_INK / NOISE * STEP_SIGMA)  # a larger median step lifts the floor of ink
    steps = cv2.absdiff(darkness[:, 2:], darkness[:, :-2])
    is_step = cv2.threshold(steps, matters, 255, cv2.THRESH_BINARY)[1]
    grain = np.zeros(len(sheet.strips))
    for row, (x0, y0, x1, y1) in enumerate(sheet.strips.tolist()):
        inside = np.s_[y0:y1, x0 : x1 - 2]
        if 2 * cv2.countNonZero(is_step[inside]) >= is_step[inside].size:
            grain[row] = float(np.median(steps[inside])) / STEP_SIGMA
    return grain


def _ink_mask(darkness: Gray, limits: Floats, sheet: Sheet) -> Mask:
    """255 where there is ink: each cell's limit holds to the middle between it and the next; blank rows have none."""
    mask = np.zeros_like(darkness)
    boxes, strips = sheet.boxes, sheet.strips[sheet.row_of]
    middles = (boxes[:-1, 2] + boxes[1:, 0]) // 2
    is_next = sheet.row_of[1:] == sheet.row_of[:-1]
    left = np.append(strips[0, 0], np.where(is_next, middles, strips[1:, 0]))
    right = np.append(np.where(is_next, middles, strips[:-1, 2]), strips[-1, 2])
    areas = np.stack([left, strips[:, 1], right, strips[:, 3]], axis=1)
    for (x0, y0, x1, y1), limit in zip(areas.tolist(), limits.tolist(), strict=True):
        if limit > 0 and x1 > x0:
            cv2.threshold(darkness[y0:y1, x0:x1], limit, 255, cv2.THRESH_BINARY, mask[y0:y1, x0:x1])
    return mask


def _heights(sheet: Sheet, runs_on: npt.NDArray[np.bool_], is_open: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """(n, 2) between which y the ink of each cell may lie: in its strip; in the cell itself where it runs on.

    That is mostly ink of the row above or below which strokes through the line between them tie to it.
    """
    strips, (_, y0, _, y1) = sheet.strips[sheet.row_of], sheet.boxes.T
    overhang = np.where(is_open[sheet.row_of], OVERHANG * (y1 - y0), 0).astype(int)
    top = np.where(runs_on, np.maximum(y0 - overhang - HALF_LINE, strips[:, 1]), strips[:, 1])
    bottom = np.where(runs_on, np.minimum(y1 + HALF_LINE, strips[:, 3]), strips[:, 3])
    return np.stack([top, bottom], axis=1)


def _cut_inks(
    mask: Mask, owners: Mask, sheet: Sheet, heights: npt.NDArray[np.intp], is_inked: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, tuple[int, int, int, int], Mask | None]]:
    """Of each cell with ink its index, the bounding box x0, y0, x1, y1 of the ink on the sheet, and its mask.

    A cell without ink well inside may still hold a large digit that keeps to its edges, or part of one: None.
    """
    for cell, ((x0, y0, x1, y1), (top, bottom)) in enumerate(zip(sheet.boxes.tolist(), heights.tolist(), strict=True)):
        reach, least = MARGIN + (x1 - x0) // 2, MIN_DIGIT * (y1 - y0)
        left = max(x0 - reach, 0)
        is_own = owners[top:bottom, left : x1 + reach + 1] == cell % OWNERS + 1
        mark, ink = _cut(np.negative(is_own.view(np.uint8)), left, top)
        part_high, part_wide = ink.shape[0] / (y1 - y0), ink.shape[1] / (x1 - x0)
        if not is_inked[cell] and (part_high < LARGE[0] or part_wide < LARGE[1]):
            if max(part_high, part_wide) >= PART:
                yield cell, mark, None
            continue
        if max(ink.shape) < least:  # its strokes may hang together with something else: all ink inside
            inside = mask[y0:y1, x0:x1]
            if max(cv2.boundingRect(_inner(inside))[2:]) < least or cv2.countNonZero(inside) < 2 * SPECK * inside.size:
                continue
            mark, ink = _cut(inside, x0, y0)
        yield cell, mark, ink


def _inner(cell: Mask) -> Mask:
    """The part of a cell that no frame reaches."""
    rows, columns = (int(INSET * side) for side in cell.shape)
    return cell[rows : len(cell) - rows, columns : cell.shape[1] - columns]


def _cut(ink: Mask, left: int, top: int) -> tuple[tuple[int, int, int, int], Mask]:
    x, y, width, height = cv2.boundingRect(ink)
    return (left + x, top + y, left + x + width, top + y + height), ink[y : y + height, x : x + width]

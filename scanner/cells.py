"""The ink inside the cells of a row: cut out, the printed frame taken away, each stroke given to its cell."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Gray, Mask, Quads
from scanner.digits import normalize
from scanner.frame import CORNER, FRAME_REACH, remove_frame

CELL_SIZE = 64  # pixels of a cell in the strip: a digit has 30 - 60, normalization makes 20 of them
WIDE_AS = 1.4  # of a cell's width is its height at most, for its scale: digits do not fill tall cells
MARGIN = 16  # pixels around the cells, for strokes that leave them
MAX_STRIP = 8000  # pixels; no row is that long
MIN_INK = 14  # gray levels darker than paper: less is no ink
NOISE = 4.0  # ink is darker than paper by at least this many sigma of its grain
EDGE = 0.42  # ink begins at this share of the darkness of the cell's strokes
FAINT = 0.2  # of the row's darkness: a lighter cell holds a shadow, not ink
INSET = 0.2  # of the cell: every digit has strokes farther inside, no frame has
SPECK = 0.004  # of the cell's area: smaller is dirt
LESSER = 0.06  # of the largest stroke's area: smaller, and apart, is dirt too
OVERHANG = 0.15  # of the height: digits in open cells may stand this much taller
SHARED = 0.22  # of a stroke's area in another cell: two digits touch; else it only leans over
MIN_DIGIT = 0.16  # of the cell's height: a smaller mark is a dot


@dataclass(frozen=True)
class CellInk:
    """What is written in the cells of one row."""

    digits: Digits  # (n, 28, 28); all zero where blank
    is_blank: npt.NDArray[np.bool_]  # (n,)
    extent: npt.NDArray[np.float32]  # (n, 4) bounding box of the ink x0, y0, x1, y1, in parts of its cell
    on_frame: npt.NDArray[np.bool_]  # (n,) a stroke lies along the frame and went with it: part of a digit may be lost
    touches: npt.NDArray[np.bool_]  # (n, 2) ink reaches the upper, the lower line of the cell


def read_cells(page: Gray, quads: Quads, side_share: float = 1.0) -> CellInk:
    """Cut the cells (n, 4, 2) of one row out of the page and bring the ink of each to MNIST form.

    `side_share` is the part of the cells' height, from the bottom, to which their sides are printed;
    below 1 they have no top either.
    """
    strip, boxes = cut_strip(page, quads)
    darkness = _darkness(strip)
    mask, is_inked = _find_ink(darkness, boxes)
    digits = np.zeros((len(boxes), 28, 28), np.uint8)
    extent = np.zeros((len(boxes), 4), np.float32)
    if not is_inked.any():
        return CellInk(digits, ~is_inked, extent, is_inked, np.zeros((len(boxes), 2), np.bool_))
    mask, on_frame, touches = remove_frame(mask, boxes, side_share)
    owner = _owners(mask, boxes, side_share)
    for index in np.flatnonzero(is_inked).tolist():
        box = boxes[index]
        own = _own_ink(owner, index, box) or _ink_inside(mask, box)
        if own is None:
            continue
        (left, top, width, height), ink = own
        digits[index] = normalize(strip[top : top + height, left : left + width], ink)
        corner, size = box[:2], box[2:] - box[:2]
        extent[index, :2] = (np.array([left, top]) - corner) / size
        extent[index, 2:] = (np.array([left + width, top + height]) - corner) / size
    is_blank = np.asarray(~extent.any(axis=1), np.bool_)
    return CellInk(digits, is_blank, extent, on_frame & ~is_blank, touches)


def cut_strip(page: Gray, quads: Quads) -> tuple[Gray, npt.NDArray[np.int32]]:
    """The row upright, its cells about `CELL_SIZE` large: (strip, (n, 4) cells on it as x0, y0, x1, y1)."""
    first, last = quads[0], quads[-1]
    height = float(np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1).mean())
    length = float(np.linalg.norm(last[1] - first[0]))
    width = float(np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1).mean())
    scale = min(CELL_SIZE / max(min(height, WIDE_AS * width), 1.0), MAX_STRIP / max(length, 1.0))
    inner = np.array([[0, 0], [length * scale, 0], [0, height * scale]], np.float32) + MARGIN
    to_strip = cv2.getAffineTransform(np.stack([first[0], last[1], first[3]]).astype(np.float32), inner)
    size = (round(length * scale) + 2 * MARGIN, round(height * scale) + 2 * MARGIN)
    smooth = cv2.INTER_LINEAR if scale < 1.3 else cv2.INTER_CUBIC
    strip = cv2.warpAffine(page, to_strip, size, flags=smooth, borderMode=cv2.BORDER_REPLICATE)
    corners = quads @ to_strip[:, :2].T + to_strip[:, 2]  # (n, 4, 2)
    boxes = np.concatenate([(corners[:, 0] + corners[:, 3])[:, :1], (corners[:, 0] + corners[:, 1])[:, 1:]], axis=1)
    far = np.concatenate([(corners[:, 1] + corners[:, 2])[:, :1], (corners[:, 2] + corners[:, 3])[:, 1:]], axis=1)
    boxes = np.rint(np.concatenate([boxes, far], axis=1) / 2).astype(np.int32)
    limit = np.array([strip.shape[1], strip.shape[0]] * 2)
    return strip, np.clip(boxes, 1, limit - 2)


def _darkness(strip: Gray) -> Gray:
    """How much darker than the paper around it each pixel is."""
    window = CELL_SIZE | 1
    mean = cv2.blur(strip, (window, window))
    paper = cv2.blur(cv2.max(strip, mean), (window, window))
    return cv2.subtract(paper, strip)


def _find_ink(darkness: Gray, boxes: npt.NDArray[np.int32]) -> tuple[Mask, npt.NDArray[np.bool_]]:
    """255 where there is ink, by the darkness of each cell's own strokes; and (n,) whether a cell has any inside."""
    smooth = cv2.blur(darkness, (3, 3))
    grain = float(np.median(cv2.absdiff(darkness[:, 2:], darkness[:, :-2]))) / 0.954
    peaks = np.array([_peak(smooth, box) for box in boxes])
    floor = max(MIN_INK, NOISE * grain, FAINT * float(peaks.max()))
    is_inked = peaks >= floor
    cell_limits = np.maximum(EDGE * peaks, 0.6 * floor)
    if is_inked.any():
        cell_limits[~is_inked] = np.median(cell_limits[is_inked])
    cuts = [0, *((boxes[:-1, 2] + boxes[1:, 0]) // 2), darkness.shape[1]]
    limit = np.repeat(cell_limits, np.diff(cuts)).astype(np.float32)
    return np.asarray(darkness > limit, np.uint8) * np.uint8(255), is_inked


def _peak(smooth: Gray, box: npt.NDArray[np.int32]) -> float:
    """Darkness of the strokes well inside a cell."""
    x0, y0, x1, y1 = box
    inset_x, inset_y = int(INSET * (x1 - x0)), int(INSET * (y1 - y0))
    inside = smooth[y0 + inset_y : y1 - inset_y, x0 + inset_x : x1 - inset_x]
    return float(cv2.minMaxLoc(inside)[1]) if inside.size else 0.0


def _owners(mask: Mask, boxes: npt.NDArray[np.int32], side_share: float) -> npt.NDArray[np.int32]:
    """(h, w) index of the cell each inked pixel belongs to, -1 elsewhere: a stroke goes to one cell, whole."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    cell_of = _cell_map(mask.shape, boxes, is_open=side_share < 1)
    pairs = labels.astype(np.int64) * (len(boxes) + 1) + cell_of + 1
    table = np.bincount(pairs.ravel(), minlength=count * (len(boxes) + 1)).reshape(count, -1)  # (strokes, 1 + cells)
    inside = table[:, 1:]
    area = np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    winner = inside.argmax(axis=1)
    belongs = inside.max(axis=1) >= 0.5 * area  # else it is a label or a line outside the cells
    second = np.sort(inside, axis=1)[:, -2] if len(boxes) > 1 else np.zeros(count)
    is_shared = second >= SHARED * area
    belongs |= inside.sum(axis=1) >= 0.7 * area
    belongs &= ~_is_residue(stats, boxes[winner])
    belongs[0] = False
    owner = np.where(belongs, winner, -1)[labels]
    shared = (belongs & is_shared)[labels]
    return np.where(shared, cell_of, owner).astype(np.int32)


def _cell_map(shape: tuple[int, ...], boxes: npt.NDArray[np.int32], *, is_open: bool) -> npt.NDArray[np.int32]:
    """(h, w) index of the cell at each place, -1 between them; open cells go on a little above their top."""
    cells = np.full(shape, -1, np.int32)
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        top = max(y0 - int(OVERHANG * (y1 - y0)), 0) if is_open else y0
        cells[top : y1 + 1, x0 : x1 + 1] = index
    return cells


def _is_residue(stats: npt.NDArray[np.int32], boxes: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Rests of the frame: thin ones along an edge of their cell, small ones in a corner."""
    x, y, width, height = (stats[:, column] for column in range(4))
    x0, y0, x1, y1 = boxes.T
    reach = FRAME_REACH - 2
    at_side = (x + width <= x0 + reach) | (x >= x1 - reach)
    at_end = (y + height <= y0 + reach) | (y >= y1 - reach)
    upright = (width <= reach) & at_side & (width * 2 < height + 6)
    level = (height <= reach) & at_end & (height * 2 < width + 6)
    corner_x, corner_y = CORNER * (x1 - x0), CORNER * (y1 - y0)
    in_corner = (x + width <= x0 + corner_x) | (x >= x1 - corner_x)
    in_corner &= (y + height <= y0 + corner_y) | (y >= y1 - corner_y)
    return np.asarray(upright | level | in_corner)


def _own_ink(
    owner: npt.NDArray[np.int32], index: int, box: npt.NDArray[np.int32]
) -> tuple[tuple[int, int, int, int], Mask] | None:
    """Bounding box x, y, width, height and mask of a cell's ink without its dirt; None where the cell is blank."""
    x0, y0, x1, y1 = box
    reach = MARGIN + (x1 - x0) // 2
    left = max(x0 - reach, 0)
    ink = np.asarray(owner[:, left : x1 + reach + 1] == index, np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_16U)
    area = stats[1:, cv2.CC_STAT_AREA]
    cell_area = float((x1 - x0) * (y1 - y0))
    if count < 2 or area.max() < SPECK * cell_area:
        return None
    keep = np.flatnonzero(area >= max(SPECK * cell_area, LESSER * float(area.max()))) + 1
    ink = np.isin(labels, keep).astype(np.uint8) * np.uint8(255) if len(keep) < count - 1 else ink * np.uint8(255)
    x, y, width, height = cv2.boundingRect(ink)
    if max(height, width) < MIN_DIGIT * (y1 - y0):
        return None
    return (left + x, y, width, height), ink[y : y + height, x : x + width]


def _ink_inside(mask: Mask, box: npt.NDArray[np.int32]) -> tuple[tuple[int, int, int, int], Mask] | None:
    """All ink inside a cell, for a cell whose strokes hang together with something else; None if there is little."""
    x0, y0, x1, y1 = box
    ink = mask[y0:y1, x0:x1]
    x, y, width, height = cv2.boundingRect(ink)
    if cv2.countNonZero(ink) < 2 * SPECK * ink.size or max(height, width) < MIN_DIGIT * (y1 - y0):
        return None
    return (x0 + x, y0 + y, width, height), ink[y : y + height, x : x + width]

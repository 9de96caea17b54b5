"""Paper enclosed by printed lines: the insides of boxes."""

from collections.abc import Iterator
from statistics import median

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.boxes.lines import Boxes, Lines, side_coverage, snap_sides

MIN_SIDE = 16  # pixels on the canvas, 2.7 mm on A4: nobody writes into less
MAX_SIDE = 230  # a quarter of a hand; crops of a few boxes are enlarged this much
MIN_ASPECT, MAX_ASPECT = 0.28, 1.9  # width / height of a cell: tall table cells to squat survey boxes
SIMILAR = 0.22  # heights and widths of neighbors differ by at most this share
OFF_LINE = 0.22  # of the height: neighbors stand at most this much higher or lower
MAX_GAP = 0.85  # of the width: farther apart are two fields
MAX_CELLS = 64  # no number is longer
BAND = 256  # boxes that are compared at once with those of their rows
MIN_FILL = 0.55  # of its bounding box; ink that touches the frame bites pieces out
FRAME = 1.0  # pixels from the outer edge of a frame to its middle, about
WHOLE = 0.7  # of the area in its frame: a hole that no stroke has broken up
WIDE, PART = 1.3, 0.55  # width over height of a frame that may be around several cells, and width of one of these
TABLE, TABLE_EVEN = 3, 0.1  # framed holes within a frame, their heights even: strokes part a cell in other ways
SLIVER = 0.3  # width over height: a narrower hole is between a stroke and the frame
PRINTED_SIDE = 0.62  # coverage that makes a side believable; rounded corners take a quarter


def bands(boxes: Boxes) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Some boxes, and those that may stand in a row with one of them: all of a small page at once, few of graph paper.

    Each box is among the first of one pair; the second hold all whose middles are less than half the height of the
    highest box away.
    """
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    order = np.argsort(middle, kind="stable")
    reach = float((boxes[:, 3] - boxes[:, 1]).max(initial=0)) / 2
    for start in range(0, len(order), BAND):
        some = order[start : start + BAND]
        low, high = np.searchsorted(middle[order], (middle[some[0]] - reach, middle[some[-1]] + reach), side="left")
        yield some, order[low : max(high, start + len(some))]


def gaps_to_alike(cells: Boxes, others: Boxes) -> npt.NDArray[np.float32]:
    """(n, m) gap from each cell to each other one to its right of like size on the same line; infinite to the rest."""
    x0, y0, x1, y1 = (side[:, None] for side in cells.T)
    other_x0, other_y0, other_x1, other_y1 = others.T
    width, height, other_width, other_height = x1 - x0, y1 - y0, other_x1 - other_x0, other_y1 - other_y0
    gap = other_x0 - x1
    smaller_width, smaller_height = np.minimum(width, other_width), np.minimum(height, other_height)
    is_alike = (
        (gap > -0.25 * smaller_width)
        & (np.abs(other_y0 + other_y1 - y0 - y1) < 2 * OFF_LINE * smaller_height)
        & (np.abs(other_height - height) < SIMILAR * smaller_height + 2)
        & (np.abs(other_width - width) < SIMILAR * smaller_width + 3)
        & (other_x0 > x0)
    )
    return np.where(is_alike, gap, np.inf).astype(np.float32)


def find_cells(ink: Mask, lines: Lines) -> Boxes:
    """Boxes of plausible size, from frame middle to frame middle: holes in the ink, and what has a frame outside.

    A hole is the paper inside a frame; strokes that touch the frame break it up. The outer edge of a separate
    box survives that, unless the strokes go beyond it.
    """
    healed = cv2.bitwise_or(lines.horizontal, lines.vertical)
    cv2.bitwise_or(ink, healed, healed)
    contours, hierarchy = cv2.findContours(healed, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return np.zeros((0, 4), np.float32)
    holes, outers = [], []
    for contour, parent in zip(contours, hierarchy[0, :, 3], strict=True):
        if len(contour) < 4:
            continue
        x, y, width, height = cv2.boundingRect(contour)
        if not (MIN_SIDE <= height <= MAX_SIDE and width >= MIN_SIDE):
            continue
        if parent < 0:
            outers.append((x + FRAME, y + FRAME, x + width - 1 - FRAME, y + height - 1 - FRAME))
        elif cv2.contourArea(contour) >= MIN_FILL * width * height:
            holes.append((x, y, x + width - 1, y + height - 1))
    return _join(np.array(holes, np.float32).reshape(-1, 4), np.array(outers, np.float32).reshape(-1, 4), lines)


def _join(holes: Boxes, outers: Boxes, lines: Lines) -> Boxes:
    """Add the framed outer edges whose inside is in pieces, and drop the pieces."""
    outers = snap_sides(lines, outers) if len(outers) else outers  # strokes may stand out a little
    framed = outers[side_coverage(lines, outers).min(axis=1) >= PRINTED_SIDE] if len(outers) else outers
    if len(framed) == 0:
        return holes
    share = _share_inside(holes, framed)  # (holes, framed)
    width, height = holes[:, 2] - holes[:, 0], holes[:, 3] - holes[:, 1]
    is_cell = (height[:, None] >= WHOLE * (framed[:, 3] - framed[:, 1])) & (width >= SLIVER * height)[:, None]
    cells_in = (share > 0) & is_cell
    is_wide = framed[:, 2] - framed[:, 0] > WIDE * (framed[:, 3] - framed[:, 1])
    is_part = width[:, None] <= PART * (framed[:, 2] - framed[:, 0])
    has_cells = (cells_in.sum(axis=0) >= 2) | ((cells_in & is_part).any(axis=0) & is_wide)  # a frame around several
    is_framed = side_coverage(lines, holes).min(axis=1, initial=1) >= PRINTED_SIDE
    is_table = [_are_alike(height[is_in]) for is_in in ((share > 0) & is_framed[:, None]).T]
    broken = framed[(share < WHOLE).all(axis=0) & ~has_cells & ~np.array(is_table)]
    pieces = (_share_inside(holes, broken) > 0).any(axis=1)
    return np.concatenate([holes[~pieces], broken])


def _are_alike(heights: npt.NDArray[np.float32]) -> bool:
    """Whether there are cells of a table among holes of these heights."""
    if len(heights) < TABLE:
        return False
    typical = median(heights.tolist())
    return bool(np.count_nonzero(np.abs(heights - typical) <= TABLE_EVEN * typical) >= TABLE)


def _share_inside(holes: Boxes, framed: Boxes) -> npt.NDArray[np.float32]:
    """(holes, framed): how much of each frame the hole fills; 0 where the hole is not inside."""
    inside = (holes[:, None, :2] >= framed[None, :, :2] - 2).all(axis=2)
    inside &= (holes[:, None, 2:] <= framed[None, :, 2:] + 2).all(axis=2)
    area = np.prod(holes[:, 2:] - holes[:, :2], axis=1)[:, None] / np.prod(framed[:, 2:] - framed[:, :2], axis=1)
    return np.where(inside, area, 0.0).astype(np.float32)

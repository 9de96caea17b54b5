"""Ink cut into pieces, none of which holds more than one digit: components, and parts of them where digits touch."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask

SPECK = 0.004  # of the square of the writing's height: smaller is dirt
LOW = 0.3  # of the tallest component: lower ones say nothing about the height of the writing
CUT_WIDTH = 0.45  # of the height: narrower components are one digit
CUT_APART = 0.12  # of the height: cuts are this far from each other and from the ends
CUT_INK = 0.55  # of the height: a cut goes through no more ink
TALL = 0.35  # of the height from the highest to the lowest ink of a column, added to its ink: loops are not cut first
MOST_CUTS = 3.5  # a height of width

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Piece:
    """Ink that belongs together: `box` x0, y0, x1, y1 on the mask of its line, `ink` 255 where it is in the box.

    Parts of one component have its number.
    """

    box: tuple[int, int, int, int]
    ink: Mask
    component: int = 0

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


def find_pieces(mask: Mask) -> tuple[list[Piece], float]:
    """Pieces of a line's ink from left to right, and the height of its writing in pixels."""
    components = find_components(mask)
    if not components:
        return [], 0.0
    height = writing_height(components)
    kept = [each for each in components if cv2.countNonZero(each.ink) >= SPECK * height**2]
    pieces = [part for each in kept for part in _cut(each, height)]
    return sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2]), height


def writing_height(components: list[Piece]) -> float:
    """The height of its digits: of components not much lower than the tallest the median, wide ones counting more."""
    heights = np.array([each.height for each in components], float)
    areas = np.array([cv2.countNonZero(each.ink) for each in components], float)
    tall = heights >= LOW * heights.max()
    order = np.argsort(heights[tall])
    share = np.cumsum(areas[tall][order])
    return float(heights[tall][order][np.searchsorted(share, share[-1] / 2)])


def find_components(mask: Mask) -> list[Piece]:
    """Ink that hangs together, dots left out."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for label in range(1, count):
        x, y, width, height, area = stats[label].tolist()
        if area >= 4:
            ink = np.asarray((labels[y : y + height, x : x + width] == label) * 255, np.uint8)
            found.append(Piece((x, y, x + width, y + height), ink, label))
    return found


def _cut(piece: Piece, height: float) -> list[Piece]:
    """A component in parts, cut upright where there is little ink."""
    if piece.width < CUT_WIDTH * height or piece.height < LOW * height:
        return [piece]
    places = [0, *_cuts(piece, height), piece.width]
    x0, y0 = piece.box[:2]
    parts = []
    for left, right in pairwise(places):
        ink = piece.ink[:, left:right]
        x, y, w, h = cv2.boundingRect(ink)
        if w and h:
            box = (x0 + left + x, y0 + y, x0 + left + x + w, y0 + y + h)
            parts.append(Piece(box, np.ascontiguousarray(ink[y : y + h, x : x + w]), piece.component))
    return parts


def _cuts(piece: Piece, height: float) -> list[int]:
    """Columns with less ink than those beside them, the emptiest first taken."""
    ink = (piece.ink > 0).sum(axis=0).astype(np.float64)
    rows = np.arange(piece.height)[:, None]
    filled = piece.ink > 0
    top = np.where(filled, rows, piece.height).min(axis=0)
    low = np.where(filled, rows, -1).max(axis=0)
    extent = (low - top + 1).astype(np.float64)
    cost = cv2.GaussianBlur((ink + TALL * extent)[None], (0, 0), max(0.02 * height, 0.6))[0]
    apart = max(int(CUT_APART * height), 2)
    window = cv2.erode(cost[None], np.ones((1, apart + 1)))[0]
    is_low = (cost <= window + 1e-9) & (ink <= CUT_INK * height)
    taken: list[int] = []
    limit = max(int(MOST_CUTS * piece.width / height), 1)
    for column in np.flatnonzero(is_low)[np.argsort(cost[is_low], kind="stable")]:
        far = all(abs(int(column) - other) >= apart for other in [0, piece.width, *taken])
        if far and len(taken) < limit:
            taken.append(int(column))
    return sorted(taken)

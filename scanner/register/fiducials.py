"""Fiducials: marks that a form has to be found by, squares, circles and crosses; and how they lie on a page.

They are looked for at a reduced size among all marks of ink that are as large as they may be, by their shape alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import cv2
import numpy as np

from scanner.arrays import Mask
from scanner.register.features import Matrix, Points, Reduced, apply, fit_affine, fit_homography

WINDOW, DARKER = 61, 20  # ink is darker than the mean around it, by gray levels
LARGER, SMALLER = 1.4, 0.4  # than on a page that fills the picture: phones stand back
SMALLEST_PX = 5
FEWEST = 3  # marks that lay a page flat
MOST_LAID = 24  # ways to lay the fiducials that are looked at, the nearest first
MOST_MARKS = 60  # on a page: more are tried in vain
TURNED_PX, TURNED_ALIKE = 24, 0.85  # part of the ink of a mark that is ink, or beside it, turned by a right angle
ASTRAY = 0.12  # of their distance: how far perspective takes a fiducial from where two others say
NEAREST = 2  # marks that are tried for a place
SAME_SCALE = 0.6  # the smaller of two directions' scales, of the larger
STRAY = 0.0015  # of the distance of the farthest two: four or more that lie flat are not further off an affine map


@dataclass(frozen=True, slots=True)
class Fiducials:
    """Marks of one shape, a key of `SHAPES`; `at` (n, 2) are their middles in millimeters.

    `code_mm`: x, y and side of a code beside them; sibling forms have another one in its place.
    """

    shape: str
    size_mm: float
    at: Points
    code_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of ink: its middle and size in pixels."""

    x: float
    y: float
    size: float


def find_marks(page: Reduced, shape: str, size_part: float) -> list[Mark]:
    """The marks on a page that look like a fiducial, in pixels of the page before it was reduced.

    Args:
        page: any way up.
        shape: square, circle or cross.
        size_part: side of the fiducial, in parts of the page's long side.
    """
    small, pixel = page.gray, 1 / page.from_page[0, 0]
    if min(small.shape) < WINDOW:
        return []
    ink = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, WINDOW, DARKER)
    usual = size_part * max(small.shape)
    low, high = max(SMALLER * usual, SMALLEST_PX), LARGER * usual * math.sqrt(2)  # turned by 45 degrees it is wider
    contours, levels = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    marks = []
    for contour, (_, _, _, parent) in zip(contours, levels[0] if contours else (), strict=True):
        x, y, width, height = cv2.boundingRect(contour)
        if parent < 0 and low <= max(width, height) <= high and min(width, height) > SAME_SCALE * max(width, height):
            mark = _mark(contour, np.asarray(ink[y : y + height, x : x + width], np.uint8), (x, y), shape)
            if mark is not None:
                marks.append(Mark((mark.x + 0.5) * pixel - 0.5, (mark.y + 0.5) * pixel - 0.5, mark.size * pixel))
    return sorted(marks, key=lambda mark: abs(math.log(mark.size / pixel / usual)))[:MOST_MARKS]


def _mark(contour: cv2.typing.MatLike, ink: Mask, corner: tuple[int, int], shape: str) -> Mark | None:
    """The mark that a contour is, if it has the shape."""
    hull = cv2.convexHull(contour)
    around = cv2.contourArea(hull)
    (x, y), sides, _ = cv2.minAreaRect(hull)
    if around <= 0 or min(sides) < SAME_SCALE * max(sides):
        return None
    own = np.zeros_like(ink)
    cv2.drawContours(own, [contour - np.array(corner)], -1, (255,), cv2.FILLED)
    dark = cv2.bitwise_and(own, ink)
    moments = cv2.moments(dark, binaryImage=True)
    middle = corner[0] + moments["m10"] / moments["m00"], corner[1] + moments["m01"] / moments["m00"]
    if math.hypot(middle[0] - x, middle[1] - y) > 0.1 * max(sides):
        return None
    filled = cv2.countNonZero(dark) / (around + 0.5 * cv2.arcLength(hull, True))  # contours run through pixels' middles
    square = around / (sides[0] * sides[1])
    if not SHAPES[shape](filled, square) or not _is_same_turned(dark):
        return None
    return Mark(*middle, math.sqrt(sides[0] * sides[1]))


def _is_same_turned(dark: Mask) -> bool:
    """Whether a mark looks the same turned by a right angle, as all of these do and few letters."""
    side = max(dark.shape)
    square = np.zeros((side, side), np.uint8)
    top, left = (side - dark.shape[0]) // 2, (side - dark.shape[1]) // 2
    square[top : top + dark.shape[0], left : left + dark.shape[1]] = dark
    small = cv2.resize(square, (TURNED_PX, TURNED_PX), interpolation=cv2.INTER_AREA)
    ink = cv2.threshold(small, 127, 255, cv2.THRESH_BINARY)[1]
    near = cv2.dilate(np.ascontiguousarray(np.rot90(ink)), np.ones((3, 3), np.uint8))
    return cv2.countNonZero(cv2.bitwise_and(ink, near)) >= TURNED_ALIKE * cv2.countNonZero(ink)


SHAPES = {
    "square": lambda filled, square: filled > 0.85 and square > 0.84,
    "circle": lambda filled, square: (filled > 0.85 or filled < 0.7) and 0.7 < square < 0.88,
    "cross": lambda filled, square: 0.15 < filled < 0.75,
}
"""By the part of its convex hull that is ink, and the part of the smallest rectangle around that the hull fills."""


def lay_out(marks: Sequence[Mark], places: Points) -> Iterator[Matrix]:
    """Every way in which the places (n, 2), n >= 3, of a form are at marks of a page: maps from places to pixels.

    Two marks say where the others are, give or take a slanted look; the page is not mirrored.
    """
    points = np.array([(mark.x, mark.y) for mark in marks]).reshape(-1, 2)
    if len(points) < len(places):
        return
    off: dict[tuple[int, ...], float] = {}
    for chosen, distance in _laid(points, places):
        if len(set(chosen)) == len(chosen) and _alike([marks[index] for index in chosen]):
            off[chosen] = min(distance, off.get(chosen, math.inf))
    for chosen in sorted(off, key=off.__getitem__)[:MOST_LAID]:
        yield _fit(places, points[list(chosen)])


def _laid(points: Points, places: Points) -> Iterator[tuple[tuple[int, ...], float]]:
    """For each way to lay the two places that are farthest apart on two points: points near all the places, and how
    far off they are in all, in parts of the distance of these two."""
    first, second = max(combinations(range(len(places)), 2), key=lambda pair: math.dist(*places[list(pair)]))
    base = complex(*(places[second] - places[first]))
    turn = (points[None] - points[:, None]) @ [1, 1j] / base  # (points, points): a complex factor turns and scales
    expected = (points @ [1, 1j])[:, None, None] + turn[:, :, None] * ((places - places[first]) @ [1, 1j])
    away = np.abs(expected[..., None] - points @ [1, 1j])  # (points, points, places, points)
    is_near = away < ASTRAY * np.abs(turn * base)[..., None, None]
    span = np.abs(turn * base)
    for one, other in np.argwhere(is_near.any(axis=3).all(axis=2)):
        order = np.argsort(away[one, other], axis=1)[:, :NEAREST].tolist()
        near = [
            [index for index in nearest if is_near[one, other, place, index]] for place, nearest in enumerate(order)
        ]
        for chosen in product(*near):
            yield chosen, float(away[one, other, range(len(places)), chosen].sum() / span[one, other])


def _alike(marks: Sequence[Mark]) -> bool:
    """Whether they are of one size, as near and as far as a phone sees them."""
    sizes = [mark.size for mark in marks]
    return min(sizes) > SAME_SCALE * max(sizes)


def _fit(places: Points, points: Points) -> Matrix:
    affine = fit_affine(places, points)
    off = np.linalg.norm(apply(affine, places) - points, axis=1).max()
    if len(places) < 4 or off < STRAY * np.ptp(points, axis=0).max():
        return affine
    bent = fit_homography(places, points)
    return affine if bent is None else bent

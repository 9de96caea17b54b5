"""Equal parts of a strip: cells whose separators are faint or broken."""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray
from scanner.boxes.holes import MAX_ASPECT, MIN_ASPECT, MIN_SIDE, bands
from scanner.boxes.lines import Boxes

Profile = npt.NDArray[np.float32]  # (w,) how surely a separator stands at each x: 0 - 1

REACH = 3  # pixels to both sides where paper must be lighter than a separator
FAINT = 2.0  # gray levels a separator is darker than the paper beside it, at least
SEPARATOR = 0.5  # share of the height that must be dark for a separator
KNOWN_SEPARATOR = 0.3  # the same where cells of this width stand beside it
SLACK = 0.07  # of the pitch: a separator may stand this far from its place
MISSING = 0.13  # share of separators that may be lost
MAX_CELLS = 40


def divide_holes(gray: Gray, holes: Boxes) -> Boxes:
    """Replace holes that hold several cells, separators faint or broken, by these cells."""
    if len(holes) == 0:
        return holes
    known = _neighbor_widths(holes)
    size = holes[:, 2:] - holes[:, :2]
    to_divide = np.isfinite(known) | (size[:, 0] > MAX_ASPECT * size[:, 1])
    divided = [_divide(gray, holes[index], known[index]) for index in np.flatnonzero(to_divide)]
    return np.concatenate([holes[~to_divide], *divided]).astype(np.float32)


def _divide(gray: Gray, hole: npt.NDArray[np.float32], cell_width: float) -> Boxes:
    """The cells of one hole, or the hole itself; `cell_width` is that of the cells beside it, or infinite."""
    width, height = hole[2] - hole[0], hole[3] - hole[1]
    profile = _separator_profile(gray, hole)
    count = round(width / cell_width)
    if count >= 2 and _has_separators(profile, count, KNOWN_SEPARATOR):
        return _equal_cells(hole, count)
    if width > MAX_ASPECT * height:
        fewest, most = width / (MAX_ASPECT * height), min(width / (MIN_ASPECT * height), width / MIN_SIDE, MAX_CELLS)
        count = most_parts(profile, fewest, most)
        if count:
            return _equal_cells(hole, count)
    return hole[None]


def _neighbor_widths(holes: Boxes) -> npt.NDArray[np.float64]:
    """(n,) width of a plausible cell that stands directly beside each hole and fits it several times; else infinite."""
    known = np.full(len(holes), np.inf)
    for some, others in bands(holes):
        x0, y0, x1, y1 = (side[:, None] for side in holes[some].T)
        cell_x0, cell_y0, cell_x1, cell_y1 = holes[others].T
        height, cell_width, cell_height = y1 - y0, cell_x1 - cell_x0, cell_y1 - cell_y0
        times = (x1 - x0) / cell_width
        fits = (times > 1.6) & (np.abs(times - np.rint(times)) < 0.12 * np.rint(times))
        fits &= (np.abs(cell_y0 - y0) < 0.15 * height) & (cell_width >= MIN_ASPECT * cell_height)
        fits &= np.abs(cell_height - height) < 0.15 * height
        fits &= np.minimum(np.abs(cell_x0 - x1), np.abs(cell_x1 - x0)) < 0.3 * cell_width
        known[some] = np.where(fits, cell_width, np.inf).min(axis=1)
    return known


def _separator_profile(gray: Gray, hole: npt.NDArray[np.float32]) -> Profile:
    """For each x of the hole the share of its height that is darker than both sides."""
    x0, y0, x1, y1 = np.rint(hole).astype(int)
    left, right = max(x0 - REACH, 0), min(x1 + REACH + 1, gray.shape[1])
    strip = gray[y0 + 2 : y1 - 1, left:right]
    if strip.shape[0] < 4 or strip.shape[1] < 3 * REACH:
        return np.zeros(max(x1 - x0 + 1, 1), np.float32)
    strip = cv2.blur(strip, (1, 5))
    lighter = np.minimum(strip[:, : -2 * REACH], strip[:, 2 * REACH :])
    dark = cv2.subtract(lighter, strip[:, REACH:-REACH]) > FAINT
    dark_mask = cv2.dilate(dark.astype(np.uint8), np.ones((1, 3), np.uint8))  # a separator may lean
    quarter = max(dark_mask.shape[0] // 4, 1)
    ends = np.minimum(dark_mask[:quarter].mean(axis=0), dark_mask[-quarter:].mean(axis=0))
    return np.minimum(dark_mask.mean(axis=0), ends + 0.25).astype(np.float32)  # from top to bottom, unlike strokes


def _has_separators(profile: Profile, count: int, limit: float) -> bool:
    return bool((_at_separators(profile, count) >= limit).all())


def _at_separators(profile: Profile, count: int) -> Profile:
    """(count - 1,) the best of the profile around each inner separator."""
    pitch = len(profile) / count
    slack = max(2, round(SLACK * pitch))
    spread = cv2.dilate(profile[None], np.ones((1, 2 * slack + 1), np.uint8))[0]
    places = np.rint(np.arange(1, count) * pitch).astype(np.intp)
    return np.asarray(spread[np.clip(places, 0, len(profile) - 1)], np.float32)


def most_parts(profile: Profile, fewest: float, most: float) -> int:
    """The largest number of equal parts whose separators are there; 0 if none."""
    for count in range(int(most), max(int(np.ceil(fewest)), 2) - 1, -1):
        there = _at_separators(profile, count) >= SEPARATOR
        if there.mean() >= 1 - MISSING and (count > 3 or there.all()):
            return count
    return 0


def _equal_cells(hole: npt.NDArray[np.float32], count: int) -> Boxes:
    edges = np.linspace(hole[0], hole[2], count + 1)
    top, bottom = np.full(count, hole[1]), np.full(count, hole[3])
    return np.stack([edges[:-1], top, edges[1:], bottom], axis=1).astype(np.float32)

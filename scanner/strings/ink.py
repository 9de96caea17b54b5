"""The ink of a line of writing: paper taken away, ruled lines taken out, upright."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask

WORK_HEIGHT = 96  # pixels that a line is brought to: strokes are some five wide
LARGEST = 3.0  # times enlarged at most
PAPER = 0.75  # of the height: side of the window in which paper is looked for
MIN_INK = 14  # gray levels darker than paper: less is no ink
LOW_EDGE = 0.8  # of the threshold: ink as light as this counts where it hangs together with darker ink
RULE = 0.5  # of the width: a level line this long is ruled, not written
RULE_HEIGHTS = 1.6  # and in heights of the crop at least
FULL_HEIGHT = 0.97  # of the height: an upright line this long is printed ...
ENDS = 0.35  # ... if it stands so many heights from an end at most; elsewhere it may be a tall 1
BREAK, THICK = 5, 9  # pixels: gaps that a line may have; lines are thinner
STRUCK = 0.8  # of the width of the writing: a stroke that runs so far through its middle strikes it out
MIDDLE = 0.25, 0.75  # of the height of the writing
SLOPES = np.linspace(-0.12, 0.12, 25)  # of such a stroke
SLANTS = np.linspace(-0.35, 1.1, 30)  # horizontal shift a height, upright being 0; writing leans to the right


@dataclass(frozen=True)
class LineInk:
    """One line of writing as the lattice cuts it.

    Attributes:
        gray: (h, w), dark ink on paper that is white throughout, upright.
        mask: (h, w) 255 where there is ink.
        to_crop: (2, 3) affine map from its pixels to those of the crop it was made of.
        is_struck: whether a stroke runs through all of it, as where people strike a number out.
    """

    gray: Gray
    mask: Mask
    to_crop: npt.NDArray[np.float64]
    is_struck: bool


def line_ink(crop: Gray) -> LineInk:
    """The ink of a crop (height, width), 0 = ink, that holds one line of writing."""
    scale = min(WORK_HEIGHT / crop.shape[0], LARGEST)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    gray = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=way) if scale != 1 else crop
    darkness = _darkness(np.asarray(gray, np.uint8))
    whole = ink_mask(darkness)
    mask = without_rules(whole)
    slant = find_slant(mask)
    height, width = mask.shape
    left = min(slant, 0.0) * height
    shear = np.array([[1, slant, -left], [0, 1, 0]], np.float64)
    size = (int(np.ceil(width + abs(slant) * height)), height)
    upright = cv2.warpAffine(darkness, shear, size, flags=cv2.INTER_LINEAR, borderValue=0)
    inked = cv2.warpAffine(mask, shear, size, flags=cv2.INTER_LINEAR, borderValue=0)
    inked = cv2.threshold(inked, 127, 255, cv2.THRESH_BINARY)[1]
    back = np.diag([1 / scale, 1 / scale]) @ cv2.invertAffineTransform(shear)
    gray, mask = np.asarray(cv2.bitwise_not(upright), np.uint8), np.asarray(inked, np.uint8)
    return LineInk(gray, mask, back, _is_struck(whole, mask))


def _is_struck(whole: Mask, rest: Mask) -> bool:
    """Whether the ink has a stroke through the middle of the `rest` that is left of it without ruled lines."""
    columns, share = np.flatnonzero(whole.any(axis=0)), np.cumsum(np.count_nonzero(rest, axis=1))
    if not share[-1]:
        return False
    top, low = np.searchsorted(share, np.array([0.03, 0.97]) * share[-1])
    first, last = (round(top + part * (low - top)) for part in MIDDLE)
    joined = cv2.morphologyEx(whole[:, columns[0] : columns[-1] + 1], cv2.MORPH_CLOSE, np.ones((1, BREAK), np.uint8))
    height, width = joined.shape
    for slope in SLOPES:
        shear = np.array([[1, 0, 0], [slope, 1, -slope * width / 2]])
        level = cv2.warpAffine(joined, shear, (width, height), flags=cv2.INTER_NEAREST)[first : last + 1]
        inked = level[np.count_nonzero(level, axis=1) >= STRUCK * width]
        if any(_longest_run(row) >= STRUCK * width for row in inked):
            return True
    return False


def _longest_run(row: npt.NDArray[np.uint8]) -> int:
    """The most pixels of ink one after the other."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], row > 0, [0]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _darkness(gray: Gray) -> Gray:
    """How much darker than the paper around it each pixel is."""
    side = int(PAPER * gray.shape[0]) | 1
    smooth = cv2.GaussianBlur(gray, (3, 3), 0)
    paper = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (side // 2 | 1,) * 2))
    return np.asarray(cv2.subtract(cv2.blur(paper, (side, side)), smooth), np.uint8)


def ink_mask(darkness: Gray) -> Mask:
    """255 where ink is: darker than Otsu's threshold, and what is nearly as dark and hangs together with that."""
    limit = max(cv2.threshold(darkness, 0, 255, cv2.THRESH_OTSU)[0], MIN_INK)
    sure = darkness > limit
    low = np.asarray(darkness > max(LOW_EDGE * limit, MIN_INK), np.uint8)
    count, labels = cv2.connectedComponents(low, connectivity=8)
    keeps = np.zeros(count, bool)
    keeps[np.unique(labels[sure])] = True
    keeps[0] = False
    return np.asarray(keeps[labels] * np.uint8(255), np.uint8)


def without_rules(mask: Mask) -> Mask:
    """Level lines that run through the crop, and upright ones at its ends, taken out where no stroke crosses them."""
    height, width = mask.shape
    level = np.ones((1, int(max(RULE * width, min(RULE_HEIGHTS * height, 0.9 * width)))), np.uint8)
    out = _without_lines(mask, level)
    if width >= 2 * height:
        end = int(ENDS * height)
        cleaned = _without_lines(out.T, np.ones((1, int(FULL_HEIGHT * height)), np.uint8)).T
        out = np.hstack([cleaned[:, :end], out[:, end:-end], cleaned[:, -end:]])
    return out


def _without_lines(mask: Mask, line: Mask) -> Mask:
    """The mask without level lines, which are thinner than THICK."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, BREAK), np.uint8))
    lines = cv2.morphologyEx(joined, cv2.MORPH_OPEN, line)
    lines = cv2.subtract(lines, cv2.morphologyEx(lines, cv2.MORPH_OPEN, np.ones((THICK, 1), np.uint8)))
    if not cv2.countNonZero(lines):
        return mask
    thick = cv2.dilate(lines, np.ones((3, 1), np.uint8))
    rest = cv2.bitwise_and(mask, cv2.bitwise_not(thick))
    through = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, np.ones((THICK, 1), np.uint8))  # strokes that go on beyond
    return cv2.bitwise_or(rest, cv2.bitwise_and(through, cv2.bitwise_and(mask, thick)))


def find_slant(mask: Mask) -> float:
    """The shear that makes strokes upright: the one with the most columns that are of one long stroke.

    Source: Vinciarelli and Luettin 2001, over shears.
    """
    points = np.argwhere(mask[::2, ::2])
    if len(points) < 20:
        return 0.0
    best, best_score = 0.0, -1.0
    for slant in SLANTS:
        columns = np.round(points[:, 1] + slant * points[:, 0]).astype(int)
        columns -= columns.min()
        counts = np.bincount(columns)
        score = float((counts.astype(np.float64) ** 2).sum()) * (1 - 0.03 * abs(slant))
        if score > best_score:
            best, best_score = float(slant), score
    return best

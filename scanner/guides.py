"""Print inside cells, figures or dots that guide the pen, taken away before ink is looked for.

What most cells of a page have at the same place, paler than the pen, is printed there if it shows beside ink, too: the
same digit written in all of them does not.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray
from scanner.strips import Floats, Sheet

LEAST_CELLS = 6  # of one size, in which print can be told from writing
LEAST_SIZE = 16  # pixels of a cell inside
LIKE_SIZE = 0.12  # of the usual size, that a cell may be larger or smaller
INSET = 0.1  # of the cell, at each side: its frame is taken away by itself
SAMPLE = 24  # cells in which it is looked for first
BLUR = 7  # pixels, when it is looked for first
LEAST = 6  # gray levels: paler harms nothing
REACH = 8  # pixels it may lie beside where it is expected
MOST = 0.7  # of the cells must have it
SHARED = 0.35  # of its darkness: where it is paler it is smeared
DARK = 0.96  # quantile of its darkness: what is darker are a few places where strokes happen to meet
SEEN, COVERED = 0.6, 0.8  # a cell has it where it is so dark, in that part of its places
WIDE, HIGH = 0.35, 0.45  # of the cell it is at least: a stroke in the same place of most cells is none
LEAST_INKED, SHOWN = 2, 0.4  # cells with ink; part of the guide that is to be seen in most of them
PALER = 0.6  # than the darkest pen
BARE, DARKER = 0.3, 1.6  # part of a guide that no ink hides; ink upon it is so much darker
NEIGHBORS = np.ones((3, 3), np.uint8)

Patches = npt.NDArray[np.uint8]
Truths = npt.NDArray[np.bool_]


def without_guides(darkness: Gray, sheet: Sheet, peaks: Floats) -> tuple[Gray, Sheet] | None:
    """The darkness and the sheet without what is printed in its cells; None where that is nothing.

    Args:
        darkness: how much darker than the paper each pixel of the sheet is.
        sheet: cells of a page.
        peaks: (cells,) darkness of the strokes inside each.
    """
    alike = _alike(sheet)
    boxes, pen = sheet.boxes[alike], float(peaks[alike].max(initial=0.0))
    size = np.rint((1 - 2 * INSET) * np.median(sheet.boxes[:, 2:] - sheet.boxes[:, :2], axis=0)).astype(np.int32)
    if len(alike) < LEAST_CELLS or min(size) < LEAST_SIZE:
        return None
    corners = (boxes[:, :2] + boxes[:, 2:] - size) // 2
    around = _around(darkness, corners, size)
    sample = around[:: -(-len(around) // SAMPLE)]
    guide = _common([_blurred(_inside(cell, (0, 0)), pen) for cell in sample])
    for cells in (sample, around):
        if not _is_guide(guide, pen):
            return None
        shifts = np.array([_shift(cell, guide) for cell in cells])
        seen = [_inside(cell, shift) for cell, shift in zip(cells, shifts.tolist(), strict=True)]
        guide = _common(seen)
    if not _is_guide(guide, pen):
        return None
    where, drawn, is_inked = _is_drawn(guide), np.stack(seen), peaks[alike] > PALER * pen
    has_it = (drawn[:, where] >= SEEN * guide[where]).mean(axis=1) >= COVERED
    if has_it.mean() < MOST or not _shows_beside_ink(drawn[is_inked], guide, pen):
        return None
    printed = _printed(darkness, (corners + shifts)[has_it], drawn[has_it], guide, pen)
    guides = np.where(darkness <= printed, darkness, 0).astype(np.uint8)
    return darkness - guides, replace(sheet, gray=sheet.gray + guides)


def _printed(
    darkness: Gray, corners: npt.NDArray[np.int32], cells: Patches, guide: Patches, pen: float
) -> npt.NDArray[np.uint8]:
    """How dark the sheet may be where the guide is printed, by how dark it is in each cell; what is darker is ink."""
    where, (height, width) = _is_drawn(guide), guide.shape
    drawn, printed = cv2.dilate(guide, NEIGHBORS), np.zeros_like(darkness)
    for (x, y), cell in zip(corners.tolist(), cells, strict=True):
        strength = min(DARKER * float(np.quantile(cell[where] / guide[where], BARE)), (pen / guide.max()) ** 0.5)
        place = printed[y : y + height, x : x + width]
        np.maximum(place, cv2.convertScaleAbs(drawn, alpha=strength), out=place)
    return printed


def _alike(sheet: Sheet) -> npt.NDArray[np.intp]:
    """The cells of the usual size."""
    sizes = sheet.boxes[:, 2:] - sheet.boxes[:, :2]
    usual = np.median(sizes, axis=0)
    return np.flatnonzero((np.abs(sizes - usual) <= LIKE_SIZE * usual).all(axis=1))


def _around(darkness: Gray, corners: npt.NDArray[np.int32], size: npt.NDArray[np.int32]) -> list[Patches]:
    """What is inside each cell and REACH around it; around strips there is more room than that."""
    firsts, lasts = corners - REACH, corners + size + REACH
    return [darkness[y0:y1, x0:x1] for (x0, y0), (x1, y1) in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def _inside(around: Patches, shift: Sequence[int]) -> Patches:
    (x, y), (height, width) = shift, around.shape
    return around[REACH + y : height - REACH + y, REACH + x : width - REACH + x]


def _blurred(cell: Patches, pen: float) -> Patches:
    """So that guides which do not lie quite alike overlap; the grain of the paper is evened."""
    blurred = cv2.blur(cv2.min(cell, PALER * pen), (BLUR, BLUR))
    return np.asarray(cv2.subtract(blurred, float(np.median(blurred))))


def _common(cells: Sequence[Patches]) -> Patches:
    """What most cells have; strokes that happen to meet there are darker, and count as little as the rest."""
    common = np.quantile(np.stack(cells), 1 - MOST, axis=0)
    return np.minimum(common, np.quantile(common, DARK)).astype(np.uint8)


def _shift(around: Patches, guide: Patches) -> tuple[int, int]:
    """How far right and down of where it is expected a cell has the guide; ink upon it counts as the guide."""
    differences = cv2.matchTemplate(cv2.min(around, float(guide.max())), guide, cv2.TM_SQDIFF)
    x, y = cv2.minMaxLoc(differences)[2]
    return x - REACH, y - REACH


def _is_drawn(guide: Patches) -> Truths:
    return guide >= max(SHARED * float(guide.max()), 1.0)


def _is_guide(guide: Patches, pen: float) -> bool:
    """Whether it is paler than the pen and as large as figures are."""
    across, along = (np.flatnonzero(_is_drawn(guide).any(axis=axis)) for axis in (0, 1))
    if not LEAST <= guide.max() <= PALER * pen:
        return False
    return bool(np.ptp(across) >= WIDE * guide.shape[1] and np.ptp(along) >= HIGH * guide.shape[0])


def _shows_beside_ink(inked: Patches, guide: Patches, pen: float) -> bool:
    """Whether cells with ink have much of the guide as pale as it is."""
    where = _is_drawn(guide)
    low, high = SEEN * guide[where], np.sqrt(guide[where] * pen)
    shares = ((inked[:, where] >= low) & (inked[:, where] <= high)).mean(axis=1)
    return len(inked) >= LEAST_INKED and float(np.median(shares)) >= SHOWN

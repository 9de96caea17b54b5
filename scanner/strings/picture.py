"""A line of writing as the string network sees it: as high as its digits, 255 = ink."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask
from scanner.strings.ink import LineInk

PICTURE_VERSION = 2  # raised with every change of what the network gets to see
HEIGHT = 32  # pixels
BODY = 25  # of them, the writing has so many
WIDEST = 512  # pixels; what is longer is pressed together
STRETCH = 1.5  # wider than it is written: digits that stand close stay apart
EDGE = 0.01  # of the ink may lie above the writing, and as much below
SPECK = 0.002  # of the square of the height of the line: smaller is dirt
LEAST = 0.4  # of the height of the line: a lower band of ink is not all of the writing
SIDES = 0.35  # heights of the writing that are kept to the left and right of its ink
INK_LEVEL = 85  # percentile of the darkness of ink that becomes black


@dataclass(frozen=True)
class LinePicture:
    """`pixels` (32, w), 255 = ink; `to_line` (2, 3) maps them to the pixels of the `LineInk`."""

    pixels: Gray
    to_line: npt.NDArray[np.float64]


def line_picture(line: LineInk) -> LinePicture:
    """A line of writing brought to one height and darkness, with a little room around it."""
    left, top, right, low = _extent(line.mask)
    scale = BODY / max(low - top, 1)
    room = (HEIGHT - BODY) / 2
    sides = min(SIDES * BODY, left * scale + room, (line.mask.shape[1] - right) * scale + room)
    across = min(STRETCH * scale, (WIDEST - 2 * sides) / max(right - left, 1))
    to_picture = np.array([[across, 0, sides - across * left], [0, scale, room - scale * top]])
    width = int(np.ceil(across * (right - left) + 2 * sides))
    darkness = cv2.bitwise_not(line.gray)
    if scale < 1:  # else pixels are left out
        darkness = cv2.GaussianBlur(darkness, (0, 0), 0.4 / scale)
    inked = darkness[line.mask > 0]
    level = max(float(np.percentile(inked, INK_LEVEL)), 1.0) if inked.size else 255.0
    pixels = cv2.warpAffine(darkness, to_picture, (width, HEIGHT), flags=cv2.INTER_LINEAR, borderValue=0)
    return LinePicture(
        np.asarray(cv2.convertScaleAbs(pixels, alpha=255 / level), np.uint8), cv2.invertAffineTransform(to_picture)
    )


def _extent(mask: Mask) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the writing: all of the ink, but for dirt, from one side to the other."""
    height, width = mask.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    kept = np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= SPECK * height**2) + 1
    if not len(kept):
        return 0.0, 0.0, float(width), float(height)
    is_kept = np.zeros(count, bool)
    is_kept[kept] = True
    rows = np.cumsum(is_kept[labels].sum(axis=1))
    top, low = (float(np.searchsorted(rows, part * rows[-1])) for part in (EDGE, 1 - EDGE))
    left = stats[kept, cv2.CC_STAT_LEFT]
    right = left + stats[kept, cv2.CC_STAT_WIDTH]
    if low - top < LEAST * height:
        top, low = 0.0, float(height)
    return float(left.min()), top, float(right.max()), low + 1

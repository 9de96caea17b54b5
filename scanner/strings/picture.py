"""A line of writing as the string network sees it: as high as its digits, 255 = ink."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray
from scanner.strings.ink import LineInk
from scanner.strings.pieces import LOW, find_components

HEIGHT = 32  # pixels
BODY = 24  # of them, the writing has so many
WIDEST = 384  # pixels; what is longer is pressed together
STRETCH = 1.5  # wider than it is written: digits that stand close stay apart
FLAT = 3.0  # times as wide as high: a line, no writing, unless many digits hang together
BEYOND = 0.35  # of the height: what reaches farther over the others is no part of them
INK_LEVEL = 85  # percentile of the darkness of ink that becomes black


@dataclass(frozen=True)
class LinePicture:
    """`pixels` (32, w), 255 = ink; `to_line` (2, 3) maps them to the pixels of the `LineInk`."""

    pixels: Gray
    to_line: npt.NDArray[np.float64]


def line_picture(line: LineInk) -> LinePicture:
    """A line of writing brought to one height and darkness, with a little room around it."""
    left, top, right, low = _extent(line)
    scale = BODY / max(low - top, 1)
    across = min(STRETCH * scale, (WIDEST - (HEIGHT - BODY)) / max(right - left, 1))
    room = (HEIGHT - BODY) / 2
    to_picture = np.array([[across, 0, room - across * left], [0, scale, room - scale * top]])
    width = int(np.ceil(across * (right - left) + 2 * room))
    darkness = cv2.bitwise_not(line.gray)
    if scale < 1:  # else pixels are left out
        darkness = cv2.GaussianBlur(darkness, (0, 0), 0.4 / scale)
    inked = darkness[line.mask > 0]
    level = max(float(np.percentile(inked, INK_LEVEL)), 1.0) if inked.size else 255.0
    pixels = cv2.warpAffine(darkness, to_picture, (width, HEIGHT), flags=cv2.INTER_LINEAR, borderValue=0)
    return LinePicture(cv2.convertScaleAbs(pixels, alpha=255 / level), cv2.invertAffineTransform(to_picture))


def _extent(line: LineInk) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the writing."""
    height, width = line.mask.shape
    parts = [each for each in find_components(line.mask) if each.width < FLAT * each.height]
    if not parts:
        return 0.0, 0.0, float(width), float(height)
    boxes = np.array([each.box for each in parts], np.float64)
    highs = boxes[:, 3] - boxes[:, 1]
    tall = boxes[highs >= LOW * highs.max()]
    typical = float(np.median(tall[:, 3] - tall[:, 1]))
    top = max(tall[:, 1].min(), np.median(tall[:, 1]) - BEYOND * typical)
    low = min(tall[:, 3].max(), np.median(tall[:, 3]) + BEYOND * typical)
    near = boxes[(boxes[:, 3] > top) & (boxes[:, 1] < low)]
    if not len(near) or low <= top:  # not one line, but two that lie far apart
        near, top, low = tall, tall[:, 1].min(), tall[:, 3].max()
    return float(near[:, 0].min()), float(top), float(near[:, 2].max()), float(low)

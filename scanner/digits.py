"""Cut a box out of the page, take its frame away, normalize what is left to MNIST form.

Polarity flips here and nowhere else: pages are dark on light, digits are MNIST's, bright on dark.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import DIGIT_SIZE, Gray, Mask

NORMALIZE_VERSION = 3  # change it with every change of `normalize`: a network reads only what it was trained on

WORK_SCALE = 4  # work at four times MNIST's size: centering to a quarter pixel, smooth edges
WORK_SIZE = DIGIT_SIZE * WORK_SCALE
BODY = 20 * WORK_SCALE  # MNIST: the digit fits 20 x 20
PEN = 7.0  # pen width in work pixels that every digit is brought to: finer than MNIST's (10), so that loops stay open
MAX_THINNING = 0.45  # a thick pen is thinned by at most this part of its width, lest loops open
EDGE = 0.42  # where ink begins, from paper (0) to ink (1): below half, as hairlines are gray
NEIGHBORHOOD = 0.06  # of the digit: half the side of the square in which its darkest ink is looked for
FAINTEST = 0.25  # of the darkest ink of the digit: what is lighter is paper
ROOM = 6  # work pixels around a digit, for its pen to grow
NEIGHBORS = np.ones((3, 3), np.uint8)
DOT = 4  # pixels in all; OpenCV takes so small an array for a scalar, and it is no digit
MIN_INK = 12  # gray levels between paper and ink below which there is nothing to read


def normalize(crop: Gray, mask: Mask | None = None) -> npt.NDArray[np.uint8]:
    """Bring one digit to MNIST form: pen width evened, 20 x 20 in 28 x 28 at the center of mass.

    Args:
        crop: (height, width), dark ink on light paper.
        mask: (height, width), 255 where the ink of the digit is; by default what is darker than Otsu's threshold.

    Returns:
        (28, 28) uint8, 255 = ink; all zero where there is no ink.

    Source: size and center as in LeCun et al. 1998; the pen is evened on the distance transform.
    """
    if mask is None:
        mask = _dark_pixels(crop)
    left, top, width, height = cv2.boundingRect(mask)
    if width * height <= DOT:
        return np.zeros((DIGIT_SIZE, DIGIT_SIZE), np.uint8)
    inside = np.s_[top : top + height, left : left + width]
    crop, mask = np.ascontiguousarray(crop[inside]), np.ascontiguousarray(mask[inside])  # faster than views
    alpha = _ink_alpha(crop, mask)
    scale = _work_scale(mask)
    body = _even_pen(_rescale(alpha, scale))
    return cv2.resize(_center(body), (DIGIT_SIZE, DIGIT_SIZE), interpolation=cv2.INTER_AREA)


def _dark_pixels(crop: Gray) -> Mask:
    low, high, _, _ = cv2.minMaxLoc(crop)
    if high - low < MIN_INK:  # Otsu of a flat crop is meaningless
        return np.zeros_like(crop)
    return cv2.threshold(crop, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]


def _ink_alpha(crop: Gray, mask: Mask) -> npt.NDArray[np.uint8]:
    """How much of each pixel is ink, 0 - 255, from the gray levels of paper and of the ink around it."""
    around = cv2.dilate(mask, NEIGHBORS)
    beside = cv2.bitwise_not(around)
    paper = math.ceil(cv2.mean(crop, beside)[0]) if cv2.countNonZero(beside) else 255
    darkness = cv2.convertScaleAbs(cv2.threshold(crop, paper, 255, cv2.THRESH_TRUNC)[1], alpha=-1.0, beta=paper)
    ink = cv2.max(_around(cv2.bitwise_and(darkness, mask)), math.ceil(FAINTEST * cv2.minMaxLoc(darkness)[1]))
    return cv2.bitwise_and(cv2.divide(darkness, ink, scale=255.0), around)


def _around(darkness: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The darkest ink in the neighborhood of each pixel, smoothly: a light stroke counts as much as a dark blot."""
    side = max(round(NEIGHBORHOOD * max(darkness.shape)), 1) * 2 + 1
    return cv2.blur(cv2.dilate(darkness, np.ones((side, side), np.uint8)), (side, side))


def _work_scale(mask: Mask) -> float:
    """Scale at which the middle lines of the strokes, not their edges, fill the body."""
    long_side = float(max(mask.shape))
    pen = _pen_width(mask)
    scale = (BODY - PEN) / max(long_side - pen, 1.0)
    return min(max(scale, 0.8 * BODY / long_side), 1.15 * BODY / long_side)


def _pen_width(mask: Mask) -> float:
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return _pen_of(cv2.distanceTransform(padded, cv2.DIST_L2, 3), padded)


def _pen_of(distance: npt.NDArray[np.float32], mask: Mask) -> float:
    """Across a stroke the distance to its edge averages a quarter of its width."""
    mean = cv2.sumElems(distance)[0] * (1.0 / max(cv2.countNonZero(mask), 1))  # it is zero outside of the mask
    return max(4.0 * mean - 2.0, 1.0)


def _rescale(alpha: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    height, width = alpha.shape
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(alpha, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _even_pen(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Move the edges of the strokes in or out until the pen is `PEN` wide; edges stay smooth."""
    alpha = cv2.copyMakeBorder(alpha, ROOM, ROOM, ROOM, ROOM, cv2.BORDER_CONSTANT, value=0)
    mask = cv2.threshold(alpha, EDGE * 255, 255, cv2.THRESH_BINARY)[1]
    if not cv2.countNonZero(mask):
        return alpha
    tight = mask[ROOM - 1 : 1 - ROOM, ROOM - 1 : 1 - ROOM]  # distances need one empty pixel around
    inner = cv2.distanceTransform(tight, cv2.DIST_L2, 3)
    pen = _pen_of(inner, tight)
    grow = (PEN - pen) / 2
    if grow < 0:
        grow = max(grow, -MAX_THINNING * pen / 2)
        thinned = np.zeros_like(alpha)
        thinned[ROOM - 1 : 1 - ROOM, ROOM - 1 : 1 - ROOM] = _ramp(inner, 255.0, grow * 255.0)
        return thinned
    outer = cv2.distanceTransform(cv2.bitwise_not(mask), cv2.DIST_L2, 3)
    grow = min(grow, ROOM - 1.0)
    return _ramp(outer, -255.0, (grow + 1.0) * 255.0)


def _ramp(distance: npt.NDArray[np.float32], slope: float, offset: float) -> npt.NDArray[np.uint8]:
    """slope * distance + offset, saturated to 0 - 255: an edge one pixel wide."""
    return cv2.addWeighted(distance, slope, distance, 0.0, offset, dtype=cv2.CV_8U)


def _center(body: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Put the center of mass into the middle of the work canvas; what falls over the edge is lost."""
    canvas = np.zeros((WORK_SIZE, WORK_SIZE), np.uint8)
    moments = cv2.moments(body)
    if moments["m00"] == 0:
        return canvas
    left = round((WORK_SIZE - 1) / 2 - moments["m10"] / moments["m00"])
    top = round((WORK_SIZE - 1) / 2 - moments["m01"] / moments["m00"])
    inside = body[max(-top, 0) : max(WORK_SIZE - top, 0), max(-left, 0) : max(WORK_SIZE - left, 0)]
    canvas[max(top, 0) :, max(left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
    return canvas

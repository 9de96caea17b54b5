"""Frames with room for a whole number: rectangles wider than high with nothing but writing in them."""

import numpy as np
import numpy.typing as npt

from scanner.boxes.lines import Boxes, Lines, side_coverage

ASPECT = (1.15, 30.0)  # width over height
HEIGHT = (18.0, 130.0)  # pixels of the canvas: 3 to 22 mm on A4
PRINTED = 0.6  # of each side must be a line
INSIDE = 2.0  # pixels by which a box may stand out of another that it is in
SMALLER = 0.9  # of the area, at most, has a box inside another


def single_frames(holes: Boxes, lines: Lines) -> Boxes:
    """Of the boxes of a page (n, 4) those that may hold a number each."""
    width, height = holes[:, 2] - holes[:, 0], holes[:, 3] - holes[:, 1]
    aspect = width / np.maximum(height, 1)
    fits = (aspect >= ASPECT[0]) & (aspect <= ASPECT[1]) & (height >= HEIGHT[0]) & (height <= HEIGHT[1])
    wide = _framed(holes[fits], lines)
    if not len(wide):
        return wide
    inner = _framed(holes[_inside(holes, wide).any(axis=1)], lines)  # frames, too; not loops of digits
    return wide[~_inside(inner, wide).any(axis=0)]


def _framed(boxes: Boxes, lines: Lines) -> Boxes:
    """Those with a line along each side."""
    return boxes[side_coverage(lines, boxes).min(axis=1) >= PRINTED] if len(boxes) else boxes


def _inside(boxes: Boxes, others: Boxes) -> npt.NDArray[np.bool_]:
    """(n, m) whether each box lies in each of the others, and is smaller."""
    inside = (boxes[:, None, :2] >= others[None, :, :2] - INSIDE).all(axis=2)
    inside &= (boxes[:, None, 2:] <= others[None, :, 2:] + INSIDE).all(axis=2)
    area, other_area = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, others))
    return np.asarray(inside & (area[:, None] < SMALLER * other_area[None, :]))

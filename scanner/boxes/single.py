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
    framed = holes[side_coverage(lines, holes).min(axis=1) >= PRINTED] if len(holes) else holes  # not loops of digits
    width, height = framed[:, 2] - framed[:, 0], framed[:, 3] - framed[:, 1]
    aspect = width / np.maximum(height, 1)
    fits = (aspect >= ASPECT[0]) & (aspect <= ASPECT[1]) & (height >= HEIGHT[0]) & (height <= HEIGHT[1])
    return framed[fits & ~_has_inside(framed, framed)]


def _has_inside(boxes: Boxes, others: Boxes) -> npt.NDArray[np.bool_]:
    """(n,) whether a smaller one of the others lies in each box."""
    inside = (others[None, :, :2] >= boxes[:, None, :2] - INSIDE).all(axis=2)
    inside &= (others[None, :, 2:] <= boxes[:, None, 2:] + INSIDE).all(axis=2)
    area, other_area = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, others))
    return np.asarray((inside & (other_area[None, :] < SMALLER * area[:, None])).any(axis=1))

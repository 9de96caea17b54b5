"""Numbers that stand on ruled lines, where nothing else tells where they are."""

import cv2
import numpy as np

from scanner.arrays import Gray, Mask, Quads
from scanner.strings.words import TextLine, at_work_size, find_lines, frame_of, ink_of

LEVEL, UPRIGHT = 0.11, 0.13  # of the picture's width and height: strokes as long are ruled
PALE = 0.3  # of what parts ink from paper: ruled lines are paler than writing
LONG = 2  # times as long are those that are painted over; shorter ones may be part of a digit
GAP = 3  # pixels that a line may miss; print has wider ones between its letters
THICK = 9  # pixels: lines are thinner
SLOPE = 3  # pixels that a line may climb while it is that long
UNDER = (-0.5, 0.9)  # heights of the writing: its line is so far under its feet
ALONG = 0.6  # of its width: so much of it is over the line
ROOM = 0.12  # heights of paper around a number
LOW = 0.5  # of the usual height: lower writing is a rest of something else
MOST = 14  # parts of a number


def ruled_frames(page: Gray) -> tuple[Gray, Quads]:
    """A page (height, width), 0 = ink, without its ruled lines, and (n, 4, 2) frames around what is written on them."""
    small, scale = at_work_size(page)
    ink = ink_of(small)
    length = round(LEVEL * ink.shape[1])
    level, rules = _lines(ink, length), _lines(ink_of(small, PALE), length)
    upright = _lines(np.ascontiguousarray(ink.T), round(UPRIGHT * ink.shape[0])).T
    rest = _without(_without(ink, level), np.ascontiguousarray(upright), across=True)
    lines = [line for line in find_lines(rest) if len(line.parts) <= MOST and _is_on_a_line(line, rules)]
    if not lines:
        return page, np.zeros((0, 4, 2), np.float32)
    usual = float(np.median([line.height for line in lines if len(line.parts) > 1] or [lines[0].height]))
    frames = [
        frame_of(line.parts, ROOM * line.height) / np.float32(scale) for line in lines if line.height >= LOW * usual
    ]
    long = cv2.bitwise_and(cv2.subtract(ink, rest), _lines(ink, LONG * length))
    return _painted_over(page, long), np.stack(frames)


def _painted_over(page: Gray, lines: Mask) -> Gray:
    """The page with paper where lines, at work size, are."""
    thick = cv2.dilate(lines, np.ones((3, 3), np.uint8))
    whole = cv2.resize(thick, (page.shape[1], page.shape[0]), interpolation=cv2.INTER_NEAREST)
    side = round(2 * THICK * page.shape[0] / lines.shape[0]) | 1
    paper = cv2.blur(cv2.morphologyEx(page, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)), (side, side))
    return np.where(whole > 0, paper, page)


def _lines(ink: Mask, length: int) -> Mask:
    """Strokes that run level for so many pixels, and are thin."""
    thick = cv2.dilate(ink, np.ones((SLOPE, 1), np.uint8))
    closed = cv2.morphologyEx(thick, cv2.MORPH_CLOSE, np.ones((1, GAP), np.uint8))
    lines = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    thin = cv2.subtract(lines, cv2.morphologyEx(lines, cv2.MORPH_OPEN, np.ones((THICK + SLOPE, 1), np.uint8)))
    return np.asarray(thin, np.uint8)


def _without(ink: Mask, lines: Mask, *, across: bool = False) -> Mask:
    """The ink without lines, but with the strokes that cross them."""
    high = np.ones((THICK, 1), np.uint8)
    rest = cv2.subtract(ink, lines)
    through = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, high.T if across else high)
    return np.asarray(cv2.bitwise_or(rest, cv2.bitwise_and(through, cv2.bitwise_and(ink, lines))), np.uint8)


def _is_on_a_line(line: TextLine, level: Mask) -> bool:
    x0, y0, x1, y1 = line.box
    top, low = (max(round(y1 + share * line.height), y0) for share in UNDER)
    under = level[top : low + 1, max(x0, 0) : x1]
    return under.size > 0 and float((under.max(axis=0) > 0).mean()) >= ALONG

"""One line of writing cut out of a page: its ink, and all parts of it that may be a digit."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Gray, Quads
from scanner.strings.ink import WORK_HEIGHT, LineInk, line_ink
from scanner.strings.lattice import Segment, find_segments, segment_digits
from scanner.strings.pieces import Piece, find_pieces

LONGEST = 24.0  # heights: a longer strip holds text
INKED = (0.002, 0.5)  # part of a frame that may be ink
MOST_PIECES = 80  # of a line: more are text, or dirt


@dataclass(frozen=True)
class Line:
    """The ink of one frame, and all that may be a digit in it."""

    ink: LineInk
    pieces: list[Piece]
    height: float
    segments: list[Segment]
    digits: Digits
    to_page: npt.NDArray[np.float64]  # (3, 3) from pixels of the ink


def look_into(page: Gray, frame: Quads, inset_share: float) -> Line | None:
    """The line of ink in a frame, with what may be its digits; None where there is none, or too much.

    Args:
        page: (height, width), 0 = ink.
        frame: (4, 2) its corners, clockwise from the top left.
        inset_share: how far the frame reaches inside, in parts of its height.
    """
    found = find_ink(page, frame, inset_share)
    if found is None:
        return None
    ink, to_page = found
    pieces, writing = find_pieces(ink.mask)
    segments = find_segments(pieces, writing) if len(pieces) <= MOST_PIECES else []
    if not segments:
        return None
    return Line(ink, pieces, writing, segments, segment_digits(ink.gray, pieces, segments), to_page)


def find_ink(page: Gray, frame: Quads, inset_share: float) -> tuple[LineInk, npt.NDArray[np.float64]] | None:
    """The ink in a frame, and the map (3, 3) from its pixels to the page's; None where there is none, or too much."""
    cut = _cut_out(page, frame, inset_share)
    if cut is None:
        return None
    crop, to_page = cut
    ink = line_ink(crop)
    if not INKED[0] <= _ink_share(ink) <= INKED[1]:
        return None
    return ink, to_page @ np.vstack([ink.to_crop, [0, 0, 1]])


def is_empty(page: Gray, frame: Quads, inset_share: float) -> bool:
    """Whether nothing is written in a frame; as for `look_into`."""
    cut = _cut_out(page, frame, inset_share)
    return cut is not None and _ink_share(line_ink(cut[0])) < INKED[0]


def _ink_share(ink: LineInk) -> float:
    return cv2.countNonZero(ink.mask) / ink.mask.size


def _cut_out(page: Gray, frame: Quads, inset_share: float) -> tuple[Gray, npt.NDArray[np.float64]] | None:
    """The inside of a frame, upright, and the map (3, 3) from its pixels to the page's; None of what holds no line."""
    width = float(np.linalg.norm(frame[1] - frame[0]) + np.linalg.norm(frame[2] - frame[3])) / 2
    height = float(np.linalg.norm(frame[3] - frame[0]) + np.linalg.norm(frame[2] - frame[1])) / 2
    if min(width, height) < 8 or width > LONGEST * height:
        return None
    scale = min(1.0, 2 * WORK_HEIGHT / height)
    inset = inset_share * height
    size = max(round((width - 2 * inset) * scale), 4), max(round((height - 2 * inset) * scale), 4)
    inner = np.array([[inset, inset], [width - inset, inset], [width - inset, height - inset], [inset, height - inset]])
    outer = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    to_frame = cv2.getPerspectiveTransform(outer, frame.astype(np.float32))
    corners = cv2.perspectiveTransform(inner[None].astype(np.float32), to_frame)[0]
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    to_page = cv2.getPerspectiveTransform(target, corners)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpPerspective(page, to_page, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), np.asarray(to_page, np.float64)

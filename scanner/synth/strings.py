"""Numbers written without boxes: digits side by side, some of them touching."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.synth.hand import DigitSource, Writer, random_writer, tight_ink
from scanner.synth.sheet import Ink

TOUCHING = 0.3  # of all neighbors
DIGIT_PX = 64  # height of a digit while it is written
GAP, GAP_SD = 0.16, 0.12  # of the height, where neighbors do not touch
DEEPEST = 0.14  # of the height: how far touching neighbors go into each other
INKED = 100  # level from which ink counts where it is measured whether digits touch

Boxes = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class WrittenString:
    """A number as ink on nothing: (h, w) 255 = ink, and (n, 4) x, y, width, height of each digit on it."""

    text: str
    ink: Ink
    boxes: Boxes
    digit_px: float


def write_string(
    text: str,
    source: DigitSource,
    rng: np.random.Generator,
    writer: Writer | None = None,
    *,
    touching: float = TOUCHING,
) -> WrittenString:
    """Write digits side by side as one hand does.

    Args:
        text: digits.
        source: draws each.
        rng: decides everything.
        writer: whose slant and pen they have; by default any.
        touching: the part of neighbors that touch, or go into each other.
    """
    person = writer or random_writer(rng)
    gap_mean = abs(rng.normal(GAP, GAP_SD / 2))
    drift = rng.normal(0, 0.02)
    canvas = np.zeros((DIGIT_PX * 3, DIGIT_PX * (2 * len(text) + 2)), np.uint8)
    boxes: list[tuple[int, int, int, int]] = []
    x = DIGIT_PX // 2
    for place, character in enumerate(text):
        digit = _sized(source(int(character), rng, person), rng)
        height, width = digit.shape
        bottom = DIGIT_PX * 2 + round(DIGIT_PX * (rng.normal(0, 0.04) + drift * place))
        top = min(max(bottom - height, 0), len(canvas) - height)
        if place:
            apart = -rng.uniform(0, DEEPEST) if rng.random() < touching else max(rng.normal(gap_mean, GAP_SD), 0.03)
            x = _place(canvas, digit, top, boxes[-1], round(apart * DIGIT_PX))
        x = min(max(x, 0), canvas.shape[1] - width)
        part = canvas[top : top + height, x : x + width]
        np.maximum(part, digit, out=part)
        boxes.append((x, top, width, height))
        x += width
    left, top, width, height = cv2.boundingRect(canvas)
    placed = np.array(boxes, np.intp) - [left, top, 0, 0]
    return WrittenString(text, np.ascontiguousarray(canvas[top : top + height, left : left + width]), placed, DIGIT_PX)


def _sized(digit: Ink, rng: np.random.Generator) -> Ink:
    """A digit at the height of the line, about; flat ones stay flat."""
    scale = DIGIT_PX / max(digit.shape[0], 0.5 * digit.shape[1]) * float(np.clip(rng.normal(1, 0.08), 0.75, 1.3))
    return tight_ink(np.asarray(cv2.resize(digit, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8))


def _place(canvas: Ink, digit: Ink, top: int, before: tuple[int, int, int, int], apart: int) -> int:
    """Where a digit stands whose ink is so far from that of the one before, along any row that both have."""
    left, right = before[0], before[0] + before[2]
    rows = canvas[top : top + len(digit), left:right] >= INKED
    both = rows.any(axis=1) & (digit >= INKED).any(axis=1)
    if not both.any():
        return right + apart
    ends = left + rows.shape[1] - 1 - rows[both, ::-1].argmax(axis=1)
    starts = (digit[both] >= INKED).argmax(axis=1)
    return int((ends - starts).max()) + 1 + apart

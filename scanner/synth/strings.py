"""Numbers written without boxes: digits side by side, some of them touching, on lines, in boxes, on patterned paper."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray
from scanner.synth.effects import blurred, jpeg, noisy
from scanner.synth.hand import DigitSource, Writer, random_writer, tight_ink
from scanner.synth.sheet import Ink

TOUCHING = 0.3  # of all neighbors
DIGIT_PX = 64  # height of a digit while it is written
GAP, GAP_SD = 0.16, 0.12  # of the height, where neighbors do not touch
DEEPEST = 0.14  # of the height: how far touching neighbors go into each other
PLAIN = 0.25  # of crops have clean paper
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
    separators: float = 0.0,
) -> WrittenString:
    """Write digits side by side as one hand does.

    Args:
        text: digits.
        source: draws each.
        rng: decides everything.
        writer: whose slant and pen they have; by default any.
        touching: the part of neighbors that touch, or go into each other.
        separators: how often a point, comma or dash stands between digits or behind the last.
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
        if separators and rng.random() < separators:
            x = _separate(canvas, x, bottom, person, rng, is_last=place == len(text) - 1)
            boxes[-1] = (boxes[-1][0], boxes[-1][1], max(boxes[-1][2], x - boxes[-1][0]), boxes[-1][3])
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


def _separate(canvas: Ink, x: int, bottom: int, writer: Writer, rng: np.random.Generator, *, is_last: bool) -> int:
    """A point, a comma or a dash at the baseline; gives where it ends."""
    pen = max(round(writer.pen * DIGIT_PX * rng.uniform(0.9, 1.4)), 2)
    x += round(DIGIT_PX * rng.uniform(0.08, 0.25))
    kind = rng.choice(3 if is_last else 2)
    if kind == 0:
        cv2.circle(canvas, (x + pen, bottom - pen // 2), max(pen * 2 // 3, 1), (255,), -1, cv2.LINE_AA)
        return x + 2 * pen
    if kind == 1:
        end = (x - round(DIGIT_PX * rng.uniform(0.0, 0.1)), bottom + round(DIGIT_PX * rng.uniform(0.08, 0.2)))
        cv2.line(canvas, (x + pen, bottom - pen // 2), end, (255,), pen, cv2.LINE_AA)
        return x + 2 * pen
    level = bottom - round(DIGIT_PX * rng.uniform(0.1, 0.55))
    end_x = x + round(DIGIT_PX * rng.uniform(0.25, 0.7))
    for line in range(int(rng.integers(1, 3))):
        y = level + line * 3 * pen
        cv2.line(canvas, (x, y), (end_x, y + round(DIGIT_PX * rng.normal(0, 0.05))), (255,), pen, cv2.LINE_AA)
    return end_x


def string_crop(written: WrittenString, rng: np.random.Generator) -> Gray:
    """A scanned crop that shows the string."""
    return paper_crop(written.ink, rng)


def paper_crop(ink: Ink, rng: np.random.Generator) -> Gray:
    """A scanned crop with a line of writing: paper, rules, a pattern, a box, and what a scanner does."""
    margins = np.round(DIGIT_PX * rng.uniform(0.02, 0.6, 4) * (1, 1, 1.2, 1.2)).astype(int)  # top, low, left, right
    top, low, left, right = margins.tolist()
    alpha = cv2.copyMakeBorder(ink, top, low, left, right, cv2.BORDER_CONSTANT, value=(0,)) / np.float32(255)
    paper = np.float32(rng.uniform(150, 255))
    ink_level = paper * np.float32(rng.uniform(0.0, 0.55))
    ground = np.full(alpha.shape, paper, np.float32)
    if rng.random() >= PLAIN:
        ground = ground * _pattern(alpha.shape, rng)
    marks = _printed(alpha.shape, top, low, rng) if rng.random() >= PLAIN else np.zeros_like(alpha)
    page = ground * (1 - marks) + marks * ink_level * np.float32(rng.uniform(0.6, 1.4))
    page = page * (1 - alpha) + alpha * np.minimum(ink_level, page)
    image = np.clip(page, 0, 255).astype(np.uint8)
    scale = float(np.exp(rng.uniform(np.log(0.3), np.log(1.0))))
    image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    choice = rng.random()
    image = blurred(image, float(rng.uniform(0.2, 0.9)))
    if choice < 0.2:
        return np.asarray(cv2.threshold(image, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1], np.uint8)
    image = noisy(image, rng, sigma=float(rng.uniform(0.5, 7)))
    return np.asarray(jpeg(image, int(rng.integers(40, 90))), np.uint8) if choice < 0.6 else np.asarray(image, np.uint8)


def _pattern(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Security paper of cheques: bundles of fine wavy lines; or light that falls from a side."""
    height, width = shape
    y, x = np.indices(shape, np.float32)
    ground = np.ones(shape, np.float32)
    slope = rng.uniform(-0.15, 0.15, 2)
    ground += np.float32(slope[0]) * (x / width - 0.5) + np.float32(slope[1]) * (y / height - 0.5)
    for _ in range(int(rng.integers(0, 3))):
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(4, 16)
        wave, length = rng.uniform(0, 12), rng.uniform(40, 250)
        u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
        phase = 2 * np.pi * (u + wave * np.sin(2 * np.pi * v / length + rng.uniform(0, 6))) / pitch
        line = np.clip(np.cos(phase) * rng.uniform(1, 4) - rng.uniform(0, 2), 0, 1)
        ground -= (line * rng.uniform(0.04, 0.25)).astype(np.float32)
    return np.clip(ground, 0.2, 1.2).astype(np.float32)


def _printed(shape: tuple[int, ...], top: int, low: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Ruled lines under and over the writing, and upright lines of a box at its ends."""
    height, width = shape
    marks = np.zeros(shape, np.float32)
    lean = rng.normal(0, 0.02) * width
    darkness = float(rng.uniform(0.3, 1))
    thick = int(rng.integers(1, 5))
    if rng.random() < 0.7:
        y = height - low + rng.normal(0, 0.08) * DIGIT_PX
        cv2.line(marks, (0, round(y - lean)), (width, round(y + lean)), (darkness,), thick, cv2.LINE_AA)
    if rng.random() < 0.25:
        y = top * rng.uniform(-0.2, 1.0)
        cv2.line(marks, (0, round(y - lean)), (width, round(y + lean)), (darkness,), thick, cv2.LINE_AA)
    for x in (rng.uniform(0, 0.1) * DIGIT_PX, width - rng.uniform(0, 0.1) * DIGIT_PX):
        if rng.random() < 0.15:
            tilt = rng.normal(0, 0.02) * height
            cv2.line(marks, (round(x - tilt), 0), (round(x + tilt), height), (darkness,), thick, cv2.LINE_AA)
    return marks

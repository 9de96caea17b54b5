"""Lines of handwriting with words and numbers: letters of a handwriting font, digits of a source, in one size."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from scanner.synth.hand import DigitSource, Writer, random_writer
from scanner.synth.sheet import Ink, text_ink
from scanner.synth.strings import write_string

CAPITAL = 0.62  # of a font's size, about
WORD_GAP = (0.35, 0.8)  # capitals
RUN_GAP = (0.05, 0.3)  # capitals, between letters and digits of one word
TOUCHING = 0.15  # of neighboring digits
DIGITS_HIGH = (0.9, 1.25)  # capitals


@dataclass(frozen=True, slots=True)
class Hand:
    """How one person writes: letters of a font, digits of a source; the height of capitals in pixels."""

    font: str
    is_bold: bool
    writer: Writer
    digits: DigitSource
    digits_high: float
    capital_px: float


def random_hand(fonts: Sequence[str], digits: DigitSource, capital_px: float, rng: np.random.Generator) -> Hand:
    font = fonts[int(rng.integers(len(fonts)))]
    is_bold = bool(rng.random() < 0.3)
    return Hand(font, is_bold, random_writer(rng), digits, float(rng.uniform(*DIGITS_HIGH)), capital_px)


def write_line(words: Sequence[str], hand: Hand, rng: np.random.Generator) -> Ink:
    """Words side by side on one baseline; digits in them are the hand's own: (h, w), 255 = ink."""
    written: list[tuple[Ink, int, float]] = []  # with the pixels below the baseline, and the gap behind
    for word in words:
        runs = re.findall(r"\d+|\D+", word)
        for place, run in enumerate(runs):
            gap = rng.uniform(*(WORD_GAP if place == len(runs) - 1 else RUN_GAP))
            ink, below = _number(run, hand, rng) if run.isdigit() else _letters(run, hand)
            written.append((ink, below, float(gap) * hand.capital_px))
    above = max(ink.shape[0] - below for ink, below, _ in written)
    under = max(below for _, below, _ in written)
    line = np.zeros((above + under, sum(ink.shape[1] + int(gap) + 1 for ink, _, gap in written)), np.uint8)
    x = 0
    for ink, below, gap in written:
        y = above + below - ink.shape[0]
        part = line[y : y + ink.shape[0], x : x + ink.shape[1]]
        np.maximum(part, ink, out=part)
        x += ink.shape[1] + int(gap)
    left, top, width, height = cv2.boundingRect(line)
    return np.ascontiguousarray(line[top : top + height, left : left + width])


def _letters(text: str, hand: Hand) -> tuple[Ink, int]:
    """Letters leaning a little as the writer does, and the pixels below their baseline."""
    size_px = max(round(hand.capital_px / CAPITAL), 8)
    ink = text_ink(text.strip(), hand.font, size_px, bold=hand.is_bold)
    rows = np.flatnonzero(text_ink("H", hand.font, size_px, bold=hand.is_bold).max(axis=1) > 127)
    baseline = int(rows[-1]) + 1 if len(rows) else ink.shape[0]
    lean = 0.5 * hand.writer.slant
    room = abs(lean) * ink.shape[0]
    shear = np.array([[1, -lean, lean * baseline + room / 2], [0, 1, 0]])
    ink = np.asarray(cv2.warpAffine(ink, shear, (ink.shape[1] + round(room), ink.shape[0])), np.uint8)
    columns = np.flatnonzero(ink.max(axis=0))
    if len(columns):
        ink = ink[:, columns[0] : columns[-1] + 1]
    return ink, ink.shape[0] - baseline


def _number(digits: str, hand: Hand, rng: np.random.Generator) -> tuple[Ink, int]:
    string = write_string(digits, hand.digits, rng, hand.writer, touching=TOUCHING)
    scale = hand.digits_high * hand.capital_px / string.digit_px
    ink = cv2.resize(string.ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(ink, np.uint8), round(0.05 * hand.capital_px)

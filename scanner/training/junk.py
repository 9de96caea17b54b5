"""What is no digit: letters, marks, scribbles, prints, frames, and digits cut or crowded.

The network learns these as the class `?`. What looks exactly like a digit is left out, however it came about:
the letters O, l, S and their like, lone vertical lines, empty circles, halves such as the right one of a 4.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.synth.sheet import HANDWRITING_FONTS, PRINT_FONTS, text_ink
from scanner.training.pen import CANVAS, blank, draw, draw_curve, on_canvas, pen_px, shaky, tight

Ink = npt.NDArray[np.uint8]

LETTERS = "AEFHKLMNPRTVWadefhkmnprtvw"  # not those written like a digit (b as 6, C as 0, Y as 4) or a cross (x)
SYMBOLS = '?%&#€@+=<~"'  # not / | ( ) [ ] !, { }, which are written like a 1, nor > like a 7
WORDS = ("No", "Nr", "am", "the", "kg", "EUR", "TEL", "ANA", "Wert", "Name", "mm", "ha", "Fr.", "u.", "etc", "HERE")
HALVES = ((0, "top"), (0, "bottom"))  # those of most others may be a digit: a 1, a 6, a 7
TURNED = ((3, 1), (3, 3))  # in quarter turns


@dataclass(frozen=True, slots=True)
class SpareDigits:
    """Digits that junk is made of: `ink` (n, CANVAS, CANVAS) with 255 = ink, `labels` (n,); may be empty."""

    ink: Ink
    labels: npt.NDArray[np.int64]

    def pick(self, rng: np.random.Generator, label: int | None = None) -> Ink:
        """One of the digits (of this label), (CANVAS, CANVAS); a blank canvas where there is none."""
        choices = np.arange(len(self.labels)) if label is None else np.flatnonzero(self.labels == label)
        return self.ink[rng.choice(choices)] if len(choices) else blank()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of junk: what draws it, how often relative to others, whether a machine printed it."""

    draw: Callable[[SpareDigits, np.random.Generator], Ink]
    weight: float
    is_printed: bool = False
    needs_digits: bool = False


def draw_junk(spare: SpareDigits, rng: np.random.Generator) -> tuple[Ink, bool]:
    """Draw something that is no digit.

    Returns:
        (CANVAS, CANVAS) uint8, 255 = ink, never blank; and whether it is printed, so that it should stay straight.
    """
    kinds = [kind for kind in KINDS.values() if len(spare.labels) or not kind.needs_digits]
    weights = np.array([kind.weight for kind in kinds])
    while True:
        kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
        canvas = kind.draw(spare, rng)
        if canvas.any():
            return canvas, kind.is_printed


def _letter(_: SpareDigits, rng: np.random.Generator) -> Ink:
    fonts = HANDWRITING_FONTS if rng.random() < 0.7 else PRINT_FONTS
    return _text(rng.choice(list(LETTERS)), str(rng.choice(fonts)), rng)


def _plain_letter(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """A letter in OpenCV's line fonts: strokes as of a careful hand."""
    canvas = blank()
    face = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    letter = str(rng.choice(list(LETTERS)))
    cv2.putText(canvas, letter, (22, 72), face, 2.0, (255,), int(rng.integers(2, 7)), cv2.LINE_AA)
    return canvas


def _symbol(_: SpareDigits, rng: np.random.Generator) -> Ink:
    return _text(str(rng.choice(list(SYMBOLS))), str(rng.choice(PRINT_FONTS)), rng)


def _word(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """A word or a piece of one, in any font; small print too."""
    fonts = HANDWRITING_FONTS + PRINT_FONTS
    return _text(str(rng.choice(WORDS)), str(rng.choice(fonts)), rng)


def _lines_of_print(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """Small print, as of a stamp or a caption that reaches into the cell."""
    canvas = blank()
    line_px = int(rng.integers(12, 30))
    font = str(rng.choice(PRINT_FONTS))
    for top in range(int(rng.integers(0, 20)), CANVAS - line_px, int(line_px * 1.2)):
        text = "".join(rng.choice(list(LETTERS), int(rng.integers(4, 12))))
        ink = text_ink(text, font, line_px)[:, :CANVAS]
        canvas[top : top + ink.shape[0], : ink.shape[1]] = ink[: CANVAS - top]
    return canvas


def _text(text: str, font: str, rng: np.random.Generator) -> Ink:
    return on_canvas(text_ink(text, font, 64, bold=bool(rng.random() < 0.3)), rng.uniform(0.5, 0.8))


def _scribble(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """A pen that wanders: trials of a pen, signatures, something blotted out."""
    canvas = blank()
    for _stroke in range(int(rng.integers(1, 3))):
        points = rng.uniform(0.1, 0.9, (int(rng.integers(10, 18)), 2))  # a walk of small steps may turn out a 2 or a 5
        draw_curve(canvas, points, pen_px(rng))
    return canvas


def _loops(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """Loops that run to the right, as of a signature or of an e e e."""
    canvas = blank()
    turns = rng.uniform(2.5, 6)
    angle = np.linspace(0, turns * 2 * np.pi, int(turns * 10))
    run = np.linspace(0.2, 0.8, len(angle))
    points = np.stack([run + 0.09 * np.cos(angle), 0.5 + rng.uniform(0.08, 0.3) * np.sin(angle)], axis=1)
    draw_curve(canvas, shaky(points, rng, 0.01), pen_px(rng))
    return canvas


def _tick(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """A check mark: a short stroke down, a long one up to the right."""
    canvas = blank()
    corner = np.array([rng.uniform(0.3, 0.45), rng.uniform(0.7, 0.9)])
    start = corner - rng.uniform(0.12, [0.25, 0.3])
    end = corner + np.array([rng.uniform(0.25, 0.5), -rng.uniform(0.4, 0.75)])
    draw(canvas, shaky(np.stack([start, corner, end]), rng, 0.01), pen_px(rng))
    return canvas


def _dashes(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """One to three lines across: a cell marked as empty, an equals sign, a ruled line."""
    canvas, width = blank(), pen_px(rng)
    for y in 0.5 + 0.2 * np.arange(rng.choice(3, p=[0.6, 0.25, 0.15]) + 1):
        middle = [0.5, y + rng.normal(0, 0.03)]
        points = np.array([[rng.uniform(0.05, 0.25), y], middle, [rng.uniform(0.75, 0.95), y]])
        draw_curve(canvas, shaky(points, rng, 0.015), width)
    return canvas


def _dots(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """Points, commas, a colon: specks that are all there is in the cell."""
    canvas = blank()
    count = int(rng.integers(1, 5))
    for place in rng.permutation(9)[:count]:  # of a 3 x 3 grid: dots that touch look like an 8
        center = 48 + 22 * (np.array(divmod(int(place), 3)) - 1) + rng.integers(-3, 4, 2)
        size = rng.integers(3, 9, 2) if count > 1 else rng.integers(6, 9, 2)  # a lone long one looks like a 1
        cv2.ellipse(canvas, center.tolist(), size.tolist(), rng.uniform(0, 90), 0, 360, (255,), -1)
    return canvas


def _blob(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """A filled bubble, a block, an ink spot."""
    canvas = blank()
    if rng.random() < 0.3:
        half = (rng.uniform(12, 28) * np.array([1, rng.uniform(0.6, 1.6)])).astype(int)  # a slim one looks like a 1
        cv2.rectangle(canvas, (48 - half).tolist(), (48 + half).tolist(), (255,), -1)
        return canvas
    angle = np.sort(rng.uniform(0, 2 * np.pi, 24))
    radius = rng.uniform(12, 34) * (1 + rng.uniform(0, 0.25) * rng.normal(0, 1, 24))
    edge = 48 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle) * rng.uniform(0.6, 1)], axis=1)
    cv2.fillPoly(canvas, [edge.astype(np.int32)], (255,), cv2.LINE_AA)
    return canvas


def _bubble(spare: SpareDigits, rng: np.random.Generator) -> Ink:
    """A bubble to fill in, with its printed sign inside: the ring and something in it."""
    canvas = blank()
    radius = int(rng.integers(30, 42))
    cv2.circle(canvas, (48, 48), radius, (255,), int(rng.integers(2, 5)), cv2.LINE_AA)
    sign = str(rng.choice(list("ABCDE0123456789")))
    inside = on_canvas(text_ink(sign, PRINT_FONTS[0], 48), 0.45)
    return np.maximum(canvas, inside if rng.random() < 0.8 else _shrunk(spare.pick(rng), 0.6))


def _frame(spare: SpareDigits, rng: np.random.Generator) -> Ink:
    """What is left of a printed box: corners, two or more of its sides, tees, perhaps with a digit's rest in it."""
    canvas, width = blank(), int(rng.integers(2, 6))
    low, high = rng.uniform(0.1, 0.22), rng.uniform(0.78, 0.9)
    middle = rng.uniform(0.35, 0.65)
    parts = (
        [[low, low], [low, high], [high, high]],  # an L; upside down and mirrored it looks like a 7, a ⊥ like a 1
        [[high, low], [low, low], [low, high]],
        [[low, high], [high, high], [high, low]],
        [[low, low], [low, high], [high, high], [high, low]],
        [[low, low], [high, low], [high, high], [low, high], [low, low]],
        [[low, high], [low, low], [high, low], [high, high]],
        [[low, low], [high, low], [middle, low], [middle, high]],
        [[low, low], [low, high], [low, middle], [high, middle]],
    )
    draw(canvas, np.array(parts[rng.integers(len(parts))]), width)
    return canvas if rng.random() < 0.8 else np.maximum(canvas, _half_of(spare.pick(rng), "left"))


def _bars(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """A piece of a bar code: at least four bars."""
    canvas = blank()
    left = int(rng.integers(4, 12))
    while left < CANVAS - 8:
        width = int(rng.integers(2, 9))
        canvas[8:-8, left : left + width] = 255
        left += width + int(rng.integers(3, 10))
    return canvas if rng.random() < 0.7 else np.ascontiguousarray(canvas.T)


def _modules(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """A piece of a QR code or of a halftone screen."""
    count = int(rng.integers(5, 16))
    pattern = (rng.random((count, count)) < rng.uniform(0.35, 0.6)).astype(np.uint8) * 255
    inside = cv2.resize(pattern, (CANVAS - 16, CANVAS - 16), interpolation=cv2.INTER_NEAREST)
    return np.pad(inside, 8).astype(np.uint8)


def _watermark(_: SpareDigits, rng: np.random.Generator) -> Ink:
    """Security print and stains: smooth noise, cut at a level."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, (CANVAS, CANVAS)), (0, 0), float(rng.uniform(1.5, 7)))
    return np.where(noise > np.quantile(noise, rng.uniform(0.55, 0.92)), 255, 0).astype(np.uint8)


def _two_digits(spare: SpareDigits, rng: np.random.Generator) -> Ink:
    """Two digits in one crop, side by side and perhaps touching."""
    canvas = np.zeros((CANVAS, 2 * CANVAS), np.uint8)
    scale = float(rng.uniform(0.55, 0.8))
    left, right = (tight(_shrunk(spare.pick(rng), scale)) for _ in range(2))
    x = 10
    for digit in (left, right):
        height, width = digit.shape
        y = int(np.clip((CANVAS - height) // 2 + rng.integers(-8, 9), 0, CANVAS - height))
        place = canvas[y : y + height, x : x + width]
        np.maximum(place, digit, out=place)
        x += max(width + int(rng.integers(-4, 14)), 1)
    return on_canvas(canvas, 0.75)


def _half_digit(spare: SpareDigits, rng: np.random.Generator) -> Ink:
    """A digit cut through by the edge of the crop, where the rest is no other digit."""
    label, side = HALVES[rng.integers(len(HALVES))]
    return _half_of(spare.pick(rng, label), side)


def _half_of(digit: Ink, side: str) -> Ink:
    ink = tight(digit)
    height, width = ink.shape
    pieces = {"left": ink[:, : max(width * 2 // 5, 1)], "top": ink[: height // 2], "bottom": ink[height // 2 :]}
    return on_canvas(pieces[side], 0.7)


def _turned_digit(spare: SpareDigits, rng: np.random.Generator) -> Ink:
    """A digit that lies on its side or stands on its head, where it is then no other digit."""
    label, quarters = TURNED[rng.integers(len(TURNED))]
    return np.ascontiguousarray(np.rot90(spare.pick(rng, label), quarters))


def _shrunk(canvas: Ink, part: float) -> Ink:
    return on_canvas(canvas, part) if canvas.any() else canvas


KINDS: dict[str, Kind] = {
    "letter": Kind(_letter, 5.0),
    "plain_letter": Kind(_plain_letter, 1.5),
    "symbol": Kind(_symbol, 0.7),
    "word": Kind(_word, 1.0),
    "lines_of_print": Kind(_lines_of_print, 0.7, is_printed=True),
    "scribble": Kind(_scribble, 2.0),
    "loops": Kind(_loops, 0.5),
    "tick": Kind(_tick, 1.0),
    "dashes": Kind(_dashes, 1.0),
    "dots": Kind(_dots, 0.7),
    "blob": Kind(_blob, 0.8),
    "bubble": Kind(_bubble, 0.8, is_printed=True),
    "frame": Kind(_frame, 1.5, is_printed=True),
    "bars": Kind(_bars, 0.4, is_printed=True),
    "modules": Kind(_modules, 0.4, is_printed=True),
    "watermark": Kind(_watermark, 0.6, is_printed=True),
    "two_digits": Kind(_two_digits, 2.0, needs_digits=True),
    "half_digit": Kind(_half_digit, 0.4, needs_digits=True),
    "turned_digit": Kind(_turned_digit, 0.3, needs_digits=True),
}

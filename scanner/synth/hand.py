"""Handwritten digits: drawn by us, or taken from a data set of 28 x 28 images.

A source gives the tight ink map of one digit, about `DIGIT_HEIGHT_PX` high, for `fill` to write into a cell.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import DIGIT_SIZE, Digits
from scanner.synth.sheet import HANDWRITING_FONTS, Color, Ink, text_ink
from scanner.synth.skeletons import RARE_SHAPES, SHAPES, Shape

DIGIT_HEIGHT_PX = 100  # larger than a digit at 300 dpi, so that writing only ever shrinks it
INK_LEVEL = 40  # paler than this is the faint rim of a resized image, not ink
PENS: tuple[Color, ...] = ((45, 40, 38), (70, 62, 60), (150, 62, 28), (128, 48, 40), (175, 85, 45), (120, 40, 60))
PENCILS: tuple[Color, ...] = ((96, 96, 98), (116, 114, 114), (82, 84, 84))
HALF_LEVEL = 0.45  # of full ink: where the edge of an upscaled digit is put
EDGE_GAIN = 5.0  # leaves about a pixel of gray at the edge
THIN_PERCENTILE = 15  # of the half widths along a digit: its thin parts
THINNING_LIMIT = 0.6  # of that may be taken away on each side
CURVE_STEPS = 8  # line segments between two control points: smooth at 100 px
FONT_SHARE = 0.35  # of writers; the others write in strokes, which vary more


@dataclass(frozen=True, slots=True)
class Writer:
    """What stays the same over a page: one person with one pen."""

    slant: float  # horizontal shear, positive leans right
    size: float  # height of a digit as a share of the cell's
    pen: float  # width of the pen as a share of a digit's height
    color: Color
    is_pencil: bool
    care: float  # 1 = as a teacher writes; the untidiness of each digit is multiplied by this
    hand: int  # picks the shape of each digit, and whether a font writes


class DigitSource(Protocol):
    """Writes one digit: an ink map (h, w) uint8, 255 = ink, no empty border."""

    def __call__(self, label: int, rng: np.random.Generator, writer: Writer | None = None) -> Ink: ...


def random_writer(rng: np.random.Generator) -> Writer:
    is_pencil = bool(rng.random() < 0.2)
    colors = PENCILS if is_pencil else PENS
    return Writer(
        slant=float(np.clip(rng.normal(0.08, 0.14), -0.25, 0.45)),
        size=float(rng.uniform(0.55, 0.82)),
        pen=float(rng.uniform(0.05, 0.11)),
        color=colors[int(rng.integers(len(colors)))],
        is_pencil=is_pencil,
        care=float(rng.uniform(0.6, 1.5)),
        hand=int(rng.integers(1 << 31)),
    )


class DrawnDigits:
    """Our own handwriting: pen strokes, mixed with handwriting fonts.

    `rare`: part of the digits in strokes that have a shape which few people write.
    """

    def __init__(self, rare: float = 0.0) -> None:
        self._rare = rare

    def __call__(self, label: int, rng: np.random.Generator, writer: Writer | None = None) -> Ink:
        person = writer or random_writer(rng)
        habits = np.random.default_rng((person.hand, label))
        if np.random.default_rng(person.hand).random() < FONT_SHARE:
            name = HANDWRITING_FONTS[person.hand % len(HANDWRITING_FONTS)]
            return _font_digit(label, name, rng, person)
        shapes = RARE_SHAPES[label] if self._rare and habits.random() < self._rare else SHAPES[label]
        shape = shapes[int(habits.integers(len(shapes)))]
        return _drawn_digit(shape, rng, person)


class DataSetDigits:
    """Digits of a data set such as MNIST, made to look like pen on paper at 60 to 100 pixels."""

    def __init__(self, images: Digits, labels: npt.NDArray[np.integer]) -> None:
        if images.ndim != 3 or len(images) != len(labels):
            raise ValueError(f"expected images (n, h, w) with n labels, got {images.shape} and {labels.shape}")
        self._images = images
        self._by_label = tuple(np.flatnonzero(labels == label) for label in range(10))

    def __call__(self, label: int, rng: np.random.Generator, writer: Writer | None = None) -> Ink:
        choices = self._by_label[label]
        if len(choices) == 0:
            raise ValueError(f"the data set has no digit {label}")
        ink = pen_like(self._images[int(choices[rng.integers(len(choices))])])
        return ink if writer is None else thinned(ink, writer.pen * DIGIT_HEIGHT_PX)


def pen_like(image: Ink) -> Ink:
    """Upscale a small digit smoothly and give it the sharp edge of a pen.

    Cubic upscaling alone looks like a blurry photograph; a steep ramp about the half level puts the edge
    back where it was and leaves about a pixel of gray, as a scanner does.
    """
    tight = tight_ink(image, level=INK_LEVEL)
    scale = DIGIT_HEIGHT_PX / max(tight.shape[0], DIGIT_SIZE // 3)  # flat strokes are not blown up
    padded = cv2.copyMakeBorder(tight, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(0,))
    size = (round(padded.shape[1] * scale), round(padded.shape[0] * scale))
    large = cv2.resize(padded, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    smooth = cv2.GaussianBlur(large, (0, 0), 0.35 * scale)
    is_ink = smooth > INK_LEVEL
    level = HALF_LEVEL * float(np.percentile(smooth[is_ink], 90)) if is_ink.any() else INK_LEVEL
    return tight_ink(np.clip((smooth - level) * EDGE_GAIN + 127, 0, 255).astype(np.uint8))


def thinned(ink: Ink, pen_px: float) -> Ink:
    """Bring strokes nearer to a pen's width, halfway as ratios go; no stroke breaks, no loop opens.

    Data-set digits are often written with a felt pen; on a page all come from one pen.
    """
    depth = cv2.distanceTransform(np.where(ink > 127, 255, 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = np.sqrt(
        np.rint(depth * depth)
    )  # OpenCV's last bit differs from call to call: no two pages would be the same
    ridge = depth[(depth > 1) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)))]
    if len(ridge) == 0:
        return ink
    half_px = float(np.median(ridge))
    wanted_px = half_px - np.sqrt(half_px * pen_px / 2)
    cut_px = min(wanted_px, THINNING_LIMIT * float(np.percentile(ridge, THIN_PERCENTILE)))
    while cut_px >= 1:
        thin = np.clip((depth - cut_px) * 127, 0, 255).astype(np.uint8)
        if _pieces(thin) == _pieces(ink):
            return tight_ink(thin)
        cut_px -= 1
    return ink


def _pieces(ink: Ink) -> tuple[int, int]:
    """Connected parts of the ink, and of the paper about and inside it: they tell whether a stroke is broken."""
    is_ink = np.pad(ink > 127, 1).astype(np.uint8)
    return cv2.connectedComponents(is_ink)[0], cv2.connectedComponents(1 - is_ink, connectivity=4)[0]


def tight_ink(ink: Ink, *, level: int = INK_LEVEL) -> Ink:
    """Cut the empty border away; an empty map stays as it is."""
    ys, xs = np.flatnonzero((ink > level).any(axis=1)), np.flatnonzero((ink > level).any(axis=0))
    if len(ys) == 0:
        return ink
    return np.ascontiguousarray(ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1])


def _drawn_digit(shape: Shape, rng: np.random.Generator, writer: Writer) -> Ink:
    scale = 3  # drawn large and averaged down
    height = DIGIT_HEIGHT_PX * scale
    warp = _random_warp(rng, writer)
    canvas = np.zeros((2 * height, 3 * height), np.uint8)
    pressure = float(rng.normal(1.0, 0.06))
    for stroke in shape:
        points = warp(_jittered(np.array(stroke), rng, writer.care)) * height + (height, height // 2)
        _draw_pen(canvas, smooth_path(points), writer.pen * pressure * height, rng)
    small = cv2.resize(canvas, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    return tight_ink(np.asarray(small, np.uint8))


class _Warp(Protocol):
    def __call__(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...


def _random_warp(rng: np.random.Generator, writer: Writer) -> _Warp:
    """Slant, turn, aspect and a smooth bend: the same for all strokes of a digit."""
    slant = writer.slant + rng.normal(0, 0.05 * writer.care)
    turn = rng.normal(0, 0.04 * writer.care)
    aspect = float(np.clip(rng.normal(1.0, 0.1), 0.75, 1.3))
    bend = rng.normal(0, 0.025 * writer.care, 4)

    def warp(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x, y = (points[:, 0] - 0.3) * aspect, points[:, 1] - 0.5
        bent_x = x + bend[0] * np.sin(np.pi * y * 2) + bend[1] * np.cos(np.pi * y)
        bent_y = y + bend[2] * np.sin(np.pi * x * 2) + bend[3] * np.cos(np.pi * x)
        leaning = bent_x - slant * bent_y
        return np.stack(
            [leaning * np.cos(turn) - bent_y * np.sin(turn), leaning * np.sin(turn) + bent_y * np.cos(turn) + 0.5],
            axis=1,
        )

    return warp


def _jittered(points: npt.NDArray[np.float64], rng: np.random.Generator, care: float) -> npt.NDArray[np.float64]:
    """Move control points a little; corners (points given twice) stay corners."""
    moves = rng.normal(0, 0.016 * care, points.shape)
    is_repeat = np.concatenate([[False], (np.diff(points, axis=0) == 0).all(axis=1)])
    moves[is_repeat] = moves[np.flatnonzero(is_repeat) - 1]
    return points + moves


def smooth_path(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A Catmull-Rom curve through the points, broken where a point is given twice."""
    breaks = np.flatnonzero((np.diff(points, axis=0) == 0).all(axis=1)) + 1
    return np.concatenate([_catmull_rom(part) for part in np.split(points, breaks)])


def _catmull_rom(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if len(points) < 2:
        return points
    ends = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    before, start, stop, after = ends[:-3, None], ends[1:-2, None], ends[2:-1, None], ends[3:, None]  # (n - 1, 1, 2)
    t = np.linspace(0, 1, CURVE_STEPS, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * start
        + (stop - before) * t
        + (2 * before - 5 * start + 4 * stop - after) * t**2
        + (3 * start - before - 3 * stop + after) * t**3
    )
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def _draw_pen(canvas: Ink, path: npt.NDArray[np.float64], width: float, rng: np.random.Generator) -> None:
    """Ink along a path, the width swelling and thinning a little as a hand does."""
    phase, swing = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.12)
    along = np.linspace(0, 2 * np.pi * rng.uniform(0.5, 1.5), len(path))
    widths = width * (1 + swing * np.sin(along + phase))
    corners = np.rint(path * 16).astype(np.int32)
    for start, stop, thickness in zip(corners[:-1], corners[1:], widths, strict=False):
        cv2.line(canvas, start.tolist(), stop.tolist(), (255,), max(2, round(thickness)), cv2.LINE_AA, 4)


def _font_digit(label: int, name: str, rng: np.random.Generator, writer: Writer) -> Ink:
    """A font's digit, bent, leaned and thickened so that no two are the same."""
    ink = tight_ink(text_ink(str(label), name, 2 * DIGIT_HEIGHT_PX))
    height = ink.shape[0]
    pad = height // 2
    padded = cv2.copyMakeBorder(ink, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0,))
    slant = 0.5 * writer.slant + rng.normal(0, 0.05 * writer.care)
    aspect = float(np.clip(rng.normal(1.0, 0.08), 0.8, 1.25))
    ys, xs = np.indices(padded.shape, dtype=np.float32)
    bend_x, bend_y = rng.normal(0, 0.025 * height * writer.care, (2, 2))
    center_x, center_y = padded.shape[1] / 2, padded.shape[0] / 2
    u, v = (xs - center_x) / height, (ys - center_y) / height
    map_x = center_x + (u / aspect + slant * v) * height + bend_x[0] * np.sin(3 * v) + bend_x[1] * np.cos(4 * v)
    map_y = ys + bend_y[0] * np.sin(3 * u) + bend_y[1] * np.cos(4 * u)
    bent = cv2.remap(padded, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    tight = tight_ink(np.asarray(bent, np.uint8))
    scale = DIGIT_HEIGHT_PX / max(tight.shape[0], 1)
    small = cv2.resize(tight, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return tight_ink(np.asarray(small, np.uint8))

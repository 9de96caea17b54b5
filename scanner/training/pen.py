"""A pen that draws on a small canvas: the strokes of crossed-out cells and of what is no digit.

Canvases are ink maps, (CANVAS, CANVAS) uint8 with 255 = ink; coordinates run from 0 to 1 over the canvas.
"""

import cv2
import numpy as np
import numpy.typing as npt

CANVAS = 96  # pixels: a cell of 6-8 mm at 300 dots an inch
_SHIFT = 4  # cv2 draws at a sixteenth of a pixel
_STEPS = 8  # pieces of a curve between two of its points

Ink = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]
"""(n, 2), x and y in 0 - 1."""


def blank() -> Ink:
    """A canvas without ink."""
    return np.zeros((CANVAS, CANVAS), np.uint8)


def pen_px(rng: np.random.Generator) -> int:
    """The width of a pen in pixels: fine liner to felt tip."""
    return int(rng.integers(2, 9))


def draw(canvas: Ink, points: Points, width_px: int, ink: int = 255) -> None:
    """Draw straight lines through the points."""
    at = np.round(points * CANVAS * 2**_SHIFT).astype(np.int32)
    cv2.polylines(canvas, [at.reshape(-1, 1, 2)], False, ink, width_px, cv2.LINE_AA, _SHIFT)


def draw_curve(canvas: Ink, points: Points, width_px: int) -> None:
    """Draw a smooth curve through the points."""
    draw(canvas, curve(points), width_px)


def curve(points: Points) -> Points:
    """A smooth line through the points (Catmull and Rom 1974)."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, _STEPS, endpoint=False)[None, :, None]
    pieces = 0.5 * (
        2 * start[:, None]
        + (end - before)[:, None] * t
        + (2 * before - 5 * start + 4 * end - after)[:, None] * t**2
        + (3 * start - before - 3 * end + after)[:, None] * t**3
    )
    return np.concatenate([pieces.reshape(-1, 2), points[-1:]])


def shaky(points: Points, rng: np.random.Generator, sigma: float = 0.02) -> Points:
    """The points as a hand hits them: `sigma` off, in parts of the canvas."""
    moved: Points = points + rng.normal(0, sigma, points.shape)
    return moved


def on_canvas(ink: Ink, part: float) -> Ink:
    """An ink map scaled so that its longer side takes this part of the canvas, in the middle."""
    ink = tight(ink)
    scale = part * CANVAS / max(ink.shape)
    size = (max(round(ink.shape[1] * scale), 1), max(round(ink.shape[0] * scale), 1))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    canvas = blank()
    top, left = (CANVAS - small.shape[0]) // 2, (CANVAS - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def tight(ink: Ink) -> Ink:
    """The part of an ink map that has ink; all of it where there is none."""
    left, top, width, height = cv2.boundingRect(ink)
    return ink[top : top + height, left : left + width] if width else ink

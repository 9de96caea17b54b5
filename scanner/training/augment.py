"""From an ink map to a crop as a scanner would give it: another hand, another pen, paper, light and dirt.

Everything here happens before `scanner.digits.normalize`, so that the network learns what reading yields.
All sizes are relative to the digit, as data sets and forms come in any resolution.
"""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray

Ink = npt.NDArray[np.uint8]
Alpha = npt.NDArray[np.float32]
"""(height, width), how much of each pixel is ink, 0 - 1."""

BODY_PX = (22, 64)  # height of a digit on the page: 75 to 300 dots an inch
MARGIN = 0.3  # paper around the digit, in parts of its longer side
SIGNAL_TO_NOISE = 16.0  # a digit fainter than this many sigma of the noise would not be found on the page at all
TURN_DEGREES, LEAN, STRETCH, BEND = 4.5, 0.1, 0.07, 0.018  # standard deviations of what another hand does
PALEST_INK = 0.15  # of the darkest; data sets scanned from paper are not white between the strokes


def plain_crop(ink: Ink) -> Gray:
    """The ink map as dark ink on white paper, untouched otherwise."""
    return np.asarray(cv2.bitwise_not(ink), np.uint8)


def scan_like(ink: Ink, rng: np.random.Generator, *, freedom: float = 1.0) -> Gray:
    """One crop of a scanned page that shows this digit.

    Args:
        ink: (height, width), 255 = ink.
        rng: decides everything.
        freedom: how far the shape may change; 1 for handwriting, little for print.

    Returns:
        (h, w) uint8, dark ink on light paper; its size varies with the resolution drawn.
    """
    alpha = rewrite(ink, rng, freedom, float(np.exp(rng.uniform(*np.log(BODY_PX)))))
    alpha = _change_pen(alpha, rng)
    if rng.random() < 0.1:
        alpha = _break_strokes(alpha, rng)
    if rng.random() < 0.06:
        alpha = _leave_residue(alpha, rng)
    crop = _print_on_paper(_blur(alpha, rng), rng)
    if rng.random() < 0.15:
        return _compress(crop, rng)
    if rng.random() < 0.1:
        return _fax(crop)
    return crop


def rewrite(ink: Ink, rng: np.random.Generator, freedom: float, body: float) -> Alpha:
    """Turn, lean, stretch and bend the digit; bring it to `body` pixels. One interpolation does it all."""
    left, top, width, height = cv2.boundingRect(ink)
    if width == 0:
        return np.zeros((BODY_PX[0], BODY_PX[0]), np.float32)
    side = round(body * (1 + 2 * MARGIN))
    shrink = min(body / max(width, height), 1.0)
    tight = cv2.resize(
        ink[top : top + height, left : left + width], None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA
    )
    x, y = _source_positions(side, max(tight.shape) / body, freedom, rng)
    map_x, map_y = x + (tight.shape[1] - 1) / 2, y + (tight.shape[0] - 1) / 2
    moved = cv2.remap(tight, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return _stretch_ink(np.asarray(moved, np.uint8))


def _stretch_ink(ink: Ink) -> Alpha:
    """The darkest ink to 1, paper that is not quite white to 0."""
    alpha = ink.astype(np.float32) / max(float(ink.max()), 1.0)
    stretched: Alpha = np.maximum((alpha - np.float32(PALEST_INK)) / np.float32(1 - PALEST_INK), np.float32(0))
    return stretched


def _source_positions(side: int, scale: float, freedom: float, rng: np.random.Generator) -> tuple[Alpha, Alpha]:
    """For each pixel of a square canvas, x and y from the middle of the image it is taken from."""
    turn, lean = np.radians(rng.normal(0, TURN_DEGREES)), rng.normal(0, LEAN) * freedom
    stretch = np.exp(rng.normal(0, STRETCH) * freedom)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, lean], [0, 1]]
    matrix = matrix @ np.diag([stretch, 1 / stretch]) * scale
    axis = np.arange(side, dtype=np.float32) - (side - 1) / 2
    x, y = np.meshgrid(axis, axis)
    bend = _bend(side, freedom * abs(rng.normal(0, BEND)), rng)
    moved_x = matrix[0, 0] * x + matrix[0, 1] * y + bend[0] * scale
    moved_y = matrix[1, 0] * x + matrix[1, 1] * y + bend[1] * scale
    return moved_x.astype(np.float32), moved_y.astype(np.float32)


def _bend(side: int, strength: float, rng: np.random.Generator) -> tuple[Alpha, Alpha]:
    """A smooth random displacement in pixels (Simard et al. 2003), on a grid as coarse as a stroke is long."""
    grid = rng.normal(0, 1, (2, 5, 5)).astype(np.float32) * np.float32(strength * side)
    x, y = (np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_CUBIC), np.float32) for part in grid)
    return x, y


def _change_pen(alpha: Alpha, rng: np.random.Generator) -> Alpha:
    """Thicken or thin the strokes by up to about a third of the pen."""
    width = max(round(len(alpha) / 30), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    part = np.float32(rng.uniform(0, 0.8))
    choice = rng.random()
    if choice < 0.3:
        return (1 - part) * alpha + part * cv2.dilate(alpha, kernel)
    if choice < 0.45:
        return (1 - part * np.float32(0.6)) * alpha + part * np.float32(0.6) * cv2.erode(alpha, kernel)
    return alpha


def _break_strokes(alpha: Alpha, rng: np.random.Generator) -> Alpha:
    """Thin gaps, or a pen that runs dry in places."""
    side = len(alpha)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            start, end = rng.integers(0, side, (2, 2))
            cv2.line(alpha, start.tolist(), end.tolist(), (0.0,), max(round(side / 40), 1), cv2.LINE_AA)
        return alpha
    grain = cv2.resize(rng.random((12, 12)).astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    dryness: Alpha = np.clip(grain * 4 - rng.uniform(0, 0.8), 0, 1).astype(np.float32)
    return alpha * dryness


def _leave_residue(alpha: Alpha, rng: np.random.Generator) -> Alpha:
    """A bit of the printed frame near an edge of the crop, as where its removal failed."""
    side = len(alpha)
    start = int(rng.integers(0, side * 3 // 4))
    end = start + int(side * rng.uniform(0.06, 0.25))  # longer ones beside a digit look like a 1
    depth, width = int(side * rng.uniform(0.0, 0.08)), max(round(side * rng.uniform(0.015, 0.04)), 1)
    mark = np.zeros_like(alpha)
    mark[depth : depth + width, start:end] = rng.uniform(0.4, 1)
    return np.maximum(alpha, np.rot90(mark, int(rng.integers(4))))


def _blur(alpha: Alpha, rng: np.random.Generator) -> Alpha:
    """Optics out of focus, or a scan at a lower resolution enlarged again."""
    side = len(alpha)
    choice = rng.random()
    if choice < 0.4:
        return np.asarray(cv2.GaussianBlur(alpha, (0, 0), side * float(rng.uniform(0.006, 0.025))), np.float32)
    if choice < 0.55:
        coarse = int(rng.integers(16, 36))  # pixels, of which the digit has 10 to 22
        small = cv2.resize(alpha, (coarse, coarse), interpolation=cv2.INTER_AREA)
        return np.clip(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)
    return alpha


def _print_on_paper(alpha: Alpha, rng: np.random.Generator) -> Gray:
    """Dark ink on light paper, both of any shade, under uneven light, with the noise of a sensor."""
    side = len(alpha)
    paper = rng.uniform(175, 255)
    contrast = rng.uniform(0.15, 0.4) if rng.random() < 0.2 else rng.uniform(0.4, 1.0)
    crop = paper * (1 - contrast * alpha)
    if rng.random() < 0.3:
        slope = rng.uniform(-0.08, 0.08, 2) * contrast * paper / side
        crop = crop + slope[0] * np.arange(side)[:, None] + slope[1] * np.arange(side)
    sigma = rng.uniform(0, 1) ** 2 * contrast * float(alpha.max()) * paper / SIGNAL_TO_NOISE
    crop = crop + rng.standard_normal(alpha.shape, dtype=np.float32) * np.float32(sigma)
    shaded: Gray = np.clip(crop, 0, 255).astype(np.uint8)
    return shaded


def _compress(crop: Gray, rng: np.random.Generator) -> Gray:
    """JPEG and back."""
    data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _fax(crop: Gray) -> Gray:
    """One bit a pixel."""
    return np.asarray(cv2.threshold(crop, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1], np.uint8)

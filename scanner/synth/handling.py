"""What happens to a sheet before it is scanned: printed at another scale, shifted, cut, stained, half covered."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from scanner.synth.scanned import Matrix, Scan, as_color, turned
from scanner.synth.sheet import ColorPage

MM_PER_INCH = 25.4
LETTER_SHARE = (215.9 / 210.0, 279.4 / 297.0)  # of A4: what "fit to page" prints on
SCALES = (0.94, 1.06)
STRETCH = 0.015  # by which one way is longer than the other: rollers slip
SHIFT_MM = 8.0
TILT_DEGREES = (10.0, 15.0)
CUT = (0.03, 0.10)  # part of the page that is missing, or lies under another sheet
COFFEE = np.array((70, 110, 150)) / 255  # what it leaves of blue, green, red where it dried


def _rescaled(scanned: Scan, rng: np.random.Generator) -> Scan:
    """Printed larger or smaller, and not the same both ways."""
    scale = float(rng.uniform(*SCALES))
    return _printed(scanned, scale, scale * float(1 + rng.uniform(-STRETCH, STRETCH)), 0.0, 0.0)


def _on_letter(scanned: Scan, rng: np.random.Generator) -> Scan:
    """A page of A4 fitted to letter paper, or a letter page to A4."""
    height, width = scanned.image.shape[:2]
    share = np.array(LETTER_SHARE if height / width > 1.35 else [1 / each for each in LETTER_SHARE])
    size = np.rint(np.array([width, height]) * share).astype(int)
    scale = float(share.min())
    left, top = (size - scale * np.array([width, height])) / 2
    matrix = np.array([[scale, 0, left], [0, scale, top], [0, 0, 1.0]])
    return _warped(scanned, matrix, (int(size[0]), int(size[1])))


def _shifted(scanned: Scan, rng: np.random.Generator) -> Scan:
    """Laid askew on the glass of a photocopier."""
    x, y = rng.uniform(-SHIFT_MM, SHIFT_MM, 2) / MM_PER_INCH * scanned.dpi_xy
    return _printed(scanned, 1.0, 1.0, float(x), float(y))


def _tilted(scanned: Scan, rng: np.random.Generator) -> Scan:
    return turned(scanned, float(rng.uniform(*TILT_DEGREES) * rng.choice((-1, 1))), border=255)


def _cut(scanned: Scan, rng: np.random.Generator) -> Scan:
    """A strip is missing at one edge."""
    height, width = scanned.image.shape[:2]
    side, part = int(rng.integers(4)), float(rng.uniform(*CUT))
    left, right = (round(part * width) if side == 0 else 0), (round(part * width) if side == 1 else 0)
    top, bottom = (round(part * height) if side == 2 else 0), (round(part * height) if side == 3 else 0)
    image = np.ascontiguousarray(scanned.image[top : height - bottom, left : width - right])
    matrix = np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])
    return Scan(image, matrix @ scanned.homography, scanned.dpi_xy)


def _stained(scanned: Scan, rng: np.random.Generator) -> Scan:
    """A ring and a blot of coffee."""
    height, width = scanned.image.shape[:2]
    dried = np.zeros((height, width), np.uint8)
    px = scanned.dpi_xy[0] / MM_PER_INCH
    middle = (int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.2, 0.8) * height))
    radius = round(float(rng.uniform(30, 42)) * px)
    cv2.circle(dried, middle, radius, (150,), round(3 * px), cv2.LINE_AA)
    blot = int(middle[0] + rng.normal(0, 20) * px), int(middle[1] + rng.normal(0, 20) * px)
    cv2.ellipse(dried, blot, (round(18 * px), round(11 * px)), float(rng.uniform(0, 180)), 0, 360, (110,), -1)
    part = cv2.GaussianBlur(dried, (0, 0), px / 2).astype(np.float32)[..., None] / 255
    image = as_color(scanned.image) * (1 - part * (1 - COFFEE))
    return replace(scanned, image=image.astype(np.uint8))


def _under_strip(scanned: Scan, rng: np.random.Generator) -> Scan:
    """Another sheet, with print of its own, lies over one edge."""
    image: ColorPage = as_color(scanned.image).copy()
    height, width = image.shape[:2]
    covered = round(float(rng.uniform(*CUT)) * width)
    strip = image[:, -covered:] if rng.random() < 0.5 else image[:, :covered]
    other = np.roll(image[::-1, width // 3 : width // 3 + covered], int(rng.integers(height)), axis=0)
    strip[:] = other
    return replace(scanned, image=image)


def _printed(scanned: Scan, scale_x: float, scale_y: float, shift_x: float, shift_y: float) -> Scan:
    """Stretched about the middle and moved; the paper keeps its size."""
    height, width = scanned.image.shape[:2]
    left = (width - 1) / 2 * (1 - scale_x) + shift_x
    top = (height - 1) / 2 * (1 - scale_y) + shift_y
    return _warped(scanned, np.array([[scale_x, 0, left], [0, scale_y, top], [0, 0, 1.0]]), (width, height))


def _warped(scanned: Scan, matrix: Matrix, size: tuple[int, int]) -> Scan:
    image = cv2.warpAffine(scanned.image, matrix[:2], size, flags=cv2.INTER_LINEAR, borderValue=(255,) * 3)
    return Scan(np.asarray(image, np.uint8), matrix @ scanned.homography, scanned.dpi_xy)


HANDLING: dict[str, Callable[[Scan, np.random.Generator], Scan]] = {
    "rescaled": _rescaled,
    "letter": _on_letter,
    "shifted": _shifted,
    "tilted": _tilted,
    "cut": _cut,
    "stained": _stained,
    "strip": _under_strip,
}
"""What can be done to a sheet, by name."""

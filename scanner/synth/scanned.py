"""An image of a page that knows where the page's points are in it, and what turns and resizes both."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.synth.effects import PhotoImage
from scanner.synth.sheet import ColorPage

Matrix: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scan:
    """A scanned page; `homography` takes pixels of the page to pixels of this image."""

    image: PhotoImage
    homography: Matrix  # (3, 3)
    dpi_xy: tuple[float, float]  # across, down: fax machines tell them apart


def move_points(homography: Matrix, quads: Quads) -> Quads:
    """Points (..., 2) of the page in the scanned image."""
    flat = quads.reshape(-1, 1, 2).astype(np.float64)
    return np.asarray(cv2.perspectiveTransform(flat, homography), np.float32).reshape(quads.shape)


def to_gray(scanned: Scan) -> Scan:
    if scanned.image.ndim == 2:
        return scanned
    gray: Gray = np.asarray(cv2.cvtColor(scanned.image, cv2.COLOR_BGR2GRAY), np.uint8)
    return replace(scanned, image=gray)


def as_color(image: PhotoImage) -> ColorPage:
    return image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def turned(scanned: Scan, degrees: float, *, border: int) -> Scan:
    """Rotate about the middle; the size stays, as in a scanner."""
    height, width = scanned.image.shape[:2]
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    image = cv2.warpAffine(
        scanned.image, matrix[:2], (width, height), flags=cv2.INTER_LINEAR, borderValue=(border,) * 3
    )
    return Scan(np.asarray(image, np.uint8), matrix @ scanned.homography, scanned.dpi_xy)


def resized(scanned: Scan, factor_x: float, factor_y: float) -> Scan:
    height, width = scanned.image.shape[:2]
    size = (round(width * factor_x), round(height * factor_y))
    image = np.asarray(cv2.resize(scanned.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    x, y = size[0] / width, size[1] / height
    matrix = np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])  # pixel centers, not corners
    return Scan(image, matrix @ scanned.homography, (scanned.dpi_xy[0] * x, scanned.dpi_xy[1] * y))

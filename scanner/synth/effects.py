"""What happens to an image on its way through glass, lens and wire; each effect is a function of the image.

Gray and color images alike; sizes stay as they are.
"""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

PhotoImage: TypeAlias = npt.NDArray[np.uint8]
"""Gray (h, w) or color (h, w, 3), blue, green, red."""

Field: TypeAlias = npt.NDArray[np.float64]
"""A coarse map of factors 0-1, stretched over the image."""


def blurred(image: PhotoImage, sigma_px: float) -> PhotoImage:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.uint8)


def shaded(image: PhotoImage, rng: np.random.Generator, *, depth: float) -> PhotoImage:
    """Uneven lighting that darkens by up to `depth`."""
    light = 1 - depth * rng.random((3, 3))
    return _multiplied(image, [light] * (1 if image.ndim == 2 else 3))


def lit(image: PhotoImage, rng: np.random.Generator) -> PhotoImage:
    """Room light: a strong gradient, the shadow of a hand or phone, and a color cast."""
    light = np.clip(rng.uniform(0.62, 0.8) + 0.35 * rng.random((3, 3)), 0, 1)
    if rng.random() < 0.5:
        shadow = np.ones((9, 7))
        row, column = int(rng.integers(9)), int(rng.integers(7))
        shadow[row:, :column] = rng.uniform(0.6, 0.8)
        light = np.asarray(cv2.resize(light, (7, 9), interpolation=cv2.INTER_LINEAR)) * shadow
    cast = rng.uniform(0.86, 1.0), rng.uniform(0.93, 1.0), 1.0
    return _multiplied(image, [light * channel for channel in cast])


def _multiplied(image: PhotoImage, fields: list[Field]) -> PhotoImage:
    size = (image.shape[1], image.shape[0])
    large = [
        cv2.resize(np.rint(field * 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR) for field in fields
    ]
    field = large[0] if image.ndim == 2 else cv2.merge(large)
    return np.asarray(cv2.multiply(image, field, scale=1 / 255), np.uint8)


def edge_shadow(image: PhotoImage, rng: np.random.Generator) -> PhotoImage:
    """The dark strip along one side where the paper lifts from the glass."""
    if rng.random() < 0.5:
        return image
    width = image.shape[1]
    strip = int(rng.uniform(0.01, 0.04) * width)
    ramp = np.linspace(float(rng.uniform(0.4, 0.8)), 1.0, strip)
    shade = ramp[None, :] if image.ndim == 2 else ramp[None, :, None]
    shaded = image.copy()
    if rng.random() < 0.5:
        shaded[:, :strip] = (shaded[:, :strip] * shade).astype(np.uint8)
    else:
        shaded[:, width - strip :] = (shaded[:, width - strip :] * shade[:, ::-1]).astype(np.uint8)
    return shaded


def speckled(image: PhotoImage, rng: np.random.Generator, *, count: int, darkness: int, largest: int = 4) -> PhotoImage:
    """Specks of dirt, `count` of them on the page."""
    dirty = image.copy()
    height, width = image.shape[:2]
    for x, y, size in zip(
        rng.integers(0, width, count), rng.integers(0, height, count), rng.integers(1, largest + 1, count), strict=True
    ):
        spot = dirty[y : y + size, x : x + size]
        spot[:] = np.maximum(spot.astype(np.int16) - darkness, 0).astype(np.uint8)
    return dirty


def noisy(image: PhotoImage, rng: np.random.Generator, *, sigma: float) -> PhotoImage:
    """Sensor noise: one tile of it, turned this way and that, which the eye cannot tell from noise throughout."""
    height, width = image.shape[:2]
    tile = np.rint(rng.normal(0, sigma, (min(512, height), min(509, width)))).astype(np.int8)
    noise = np.tile(tile, (height // 512 + 1, width // 509 + 1))[:height, :width]
    wide = noise if image.ndim == 2 else cv2.merge([noise] * 3)
    return np.asarray(cv2.add(image, wide, dtype=cv2.CV_8U), np.uint8)


def jpeg(image: PhotoImage, quality: int) -> PhotoImage:
    """To JPEG and back."""
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV could not encode a JPEG")
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), np.uint8)

"""Scans a filled form: what scanners, phones and fax machines do to a page, each fault by name.

Faults are functions from `Scan` to `Scan` and may be chained: `"skew+fax"`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np

from scanner.synth.effects import blurred, edge_shadow, jpeg, lit, noisy, shaded, speckled
from scanner.synth.handling import HANDLING
from scanner.synth.scanned import Scan, as_color, resized, to_gray, turned
from scanner.synth.sheet import ColorPage

FAX_DPI = (204.0, 196.0)  # across, down: ITU-T T.30 "fine"
LOW_DPI = 100.0
GRAY_SCAN_SHARE = 0.6  # most office scanners are set to gray


Fault: TypeAlias = Callable[[Scan, np.random.Generator], Scan]


def scan(page: ColorPage, fault: str, rng: np.random.Generator, *, dpi: float = 300.0) -> Scan:
    """Scan a page with one fault, or several joined by `+`."""
    scanned = Scan(page, np.eye(3), (dpi, dpi))
    for name in fault.split("+"):
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
        scanned = FAULTS[name](scanned, rng)
    return scanned


def _clean(scanned: Scan, rng: np.random.Generator) -> Scan:
    return to_gray(scanned) if rng.random() < GRAY_SCAN_SHARE else scanned


def _office_scan(scanned: Scan, rng: np.random.Generator) -> Scan:
    """A flatbed or sheet-feed scanner in daily use."""
    page = to_gray(scanned) if rng.random() < GRAY_SCAN_SHARE else scanned
    page = turned(page, float(rng.uniform(-3, 3)), border=int(rng.integers(235, 256)))
    image = blurred(page.image, float(rng.uniform(0.4, 0.9)) * page.dpi_xy[0] / 300)
    image = shaded(image, rng, depth=0.08)
    image = edge_shadow(image, rng)
    image = speckled(image, rng, count=int(rng.integers(20, 120)), darkness=160)
    image = noisy(image, rng, sigma=float(rng.uniform(2, 5)))
    return replace(page, image=jpeg(image, int(rng.integers(70, 91))))


def _photo(scanned: Scan, rng: np.random.Generator) -> Scan:
    """A page on a table, taken with a phone by hand."""
    page = _photographed(scanned, rng)
    image = blurred(page.image, float(rng.uniform(0.6, 1.2)) * page.dpi_xy[0] / 300)
    image = lit(image, rng)
    image = noisy(image, rng, sigma=float(rng.uniform(2, 6)))
    return replace(page, image=jpeg(image, int(rng.integers(72, 92))))


def _photographed(scanned: Scan, rng: np.random.Generator) -> Scan:
    """Page corners under perspective on a table that shows all around."""
    height, width = scanned.image.shape[:2]
    scale = float(rng.uniform(0.75, 1.0))
    angle = np.deg2rad(rng.uniform(-5, 5))
    keystone = rng.uniform(0, 0.08, 2) * rng.choice((-1, 1), 2)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (width, height) * scale
    factor_x = 1 + keystone[0] * np.sign(corners[:, 1]) / 2
    factor_y = 1 + keystone[1] * np.sign(corners[:, 0]) / 2
    bent = np.stack([corners[:, 0] * factor_x, corners[:, 1] * factor_y], axis=1)
    turned = bent @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    margins = rng.uniform(0.02, 0.07, 4) * width
    placed = turned - turned.min(axis=0) + margins[:2]
    size = np.ceil(placed.max(axis=0) + margins[2:]).astype(int)
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, placed.astype(np.float32))
    table = _table_top(int(size[0]), int(size[1]), rng)
    cv2.warpPerspective(
        as_color(scanned.image),
        matrix,
        (int(size[0]), int(size[1])),
        dst=table,
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    return Scan(table, matrix @ scanned.homography, (scanned.dpi_xy[0] * scale, scanned.dpi_xy[1] * scale))


def _table_top(width: int, height: int, rng: np.random.Generator) -> ColorPage:
    """Wood or cloth: a dull color with streaks."""
    base = np.array(((60, 90, 130), (70, 70, 75), (150, 160, 165), (45, 55, 60), (110, 130, 150)))[rng.integers(5)]
    streaks = rng.normal(0, 12, (60, 8)) if rng.random() < 0.5 else rng.normal(0, 7, (90, 70))
    texture = cv2.resize(streaks.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    channels = [np.clip(texture + float(level), 0, 255).astype(np.uint8) for level in base]
    return np.asarray(cv2.merge(channels), np.uint8)


def _fax(scanned: Scan, rng: np.random.Generator) -> Scan:
    """One bit at 204 x 196 dpi: what is pale or thin is lost, dirt and dropped lines are added."""
    page = turned(to_gray(scanned), float(rng.uniform(-1.5, 1.5)), border=255)
    page = resized(page, FAX_DPI[0] / page.dpi_xy[0], FAX_DPI[1] / page.dpi_xy[1])
    soft = blurred(page.image, float(rng.uniform(0.4, 0.7)))
    image = noisy(soft, rng, sigma=6)
    level = float(rng.uniform(140, 200))
    bits = np.where(image > level, 255, 0).astype(np.uint8)
    bits = speckled(bits, rng, count=int(rng.integers(50, 400)), darkness=255, largest=2)
    for row in rng.integers(0, len(bits) - 1, int(rng.integers(0, 4))):
        bits[row] = 255 if rng.random() < 0.5 else bits[row - 1]
    return replace(page, image=bits)


def _low(scanned: Scan, rng: np.random.Generator) -> Scan:
    """A small, soft image, as web forms and old archives keep."""
    page = turned(scanned, float(rng.uniform(-1, 1)), border=250)
    page = to_gray(page) if rng.random() < GRAY_SCAN_SHARE else page
    small = resized(page, LOW_DPI / page.dpi_xy[0], LOW_DPI / page.dpi_xy[1])
    image = blurred(small.image, float(rng.uniform(0.35, 0.6)))
    image = noisy(image, rng, sigma=float(rng.uniform(1, 3)))
    return replace(small, image=jpeg(image, int(rng.integers(60, 86))))


def _photocopy(scanned: Scan, rng: np.random.Generator) -> Scan:
    """Hard contrast, toner specks, a black edge where the lid was open."""
    page = turned(to_gray(scanned), float(rng.uniform(-2, 2)), border=255)
    soft = blurred(page.image, 1.1 * page.dpi_xy[0] / 300)
    gain, middle = float(rng.uniform(2.0, 3.5)), float(rng.uniform(130, 190))
    curve = np.clip((np.arange(256) - middle) * gain + 128, 12, 250).astype(np.uint8)
    image = speckled(np.asarray(cv2.LUT(soft, curve), np.uint8), rng, count=int(rng.integers(200, 900)), darkness=220)
    thickness = int(rng.uniform(0.01, 0.03) * image.shape[1])
    if rng.random() < 0.5:
        image[:, -thickness:] = 25
    else:
        image[:thickness] = 25
    return replace(page, image=noisy(image, rng, sigma=3))


def _skew(scanned: Scan, rng: np.random.Generator) -> Scan:
    return turned(scanned, float(rng.uniform(4, 10) * rng.choice((-1, 1))), border=255)


def _inverted(scanned: Scan, rng: np.random.Generator) -> Scan:
    return replace(scanned, image=255 - scanned.image)


def _upside_down(scanned: Scan, rng: np.random.Generator) -> Scan:
    height, width = scanned.image.shape[:2]
    matrix = np.array([[-1.0, 0, width - 1], [0, -1.0, height - 1], [0, 0, 1]])
    image = np.ascontiguousarray(scanned.image[::-1, ::-1])
    return Scan(image, matrix @ scanned.homography, scanned.dpi_xy)


def _sideways(scanned: Scan, rng: np.random.Generator) -> Scan:
    """Turned by a quarter, clockwise."""
    height = scanned.image.shape[0]
    matrix = np.array([[0.0, -1, height - 1], [1.0, 0, 0], [0, 0, 1]])
    image = np.asarray(cv2.rotate(scanned.image, cv2.ROTATE_90_CLOCKWISE), np.uint8)
    return Scan(image, matrix @ scanned.homography, scanned.dpi_xy[::-1])


FAULTS: dict[str, Fault] = {
    "clean": _clean,
    "scan": _office_scan,
    "photo": _photo,
    "fax": _fax,
    "low": _low,
    "photocopy": _photocopy,
    "skew": _skew,
    "inverted": _inverted,
    "upside_down": _upside_down,
    "sideways": _sideways,
    **HANDLING,
}

BENCHMARK_FAULTS = ("clean", "scan", "photo", "fax", "low")

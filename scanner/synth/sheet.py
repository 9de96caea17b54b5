"""The surface that forms are drawn on: a color page in pixels, addressed in millimeters.

Ink multiplies: what is drawn over something dark stays dark, as on paper. Coordinates follow OpenCV:
the center of the first pixel is (0, 0), so a point at `x_mm` lies at `x_mm * px_per_mm - 0.5`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Color: TypeAlias = tuple[int, int, int]
"""Blue, green, red, 0-255, as OpenCV orders them."""

ColorPage: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3), blue, green, red."""

Ink: TypeAlias = npt.NDArray[np.uint8]
"""(height, width), 255 = full ink, 0 = none, gray-level edges."""

MM_PER_INCH = 25.4
POINTS_PER_INCH = 72.0
BLACK: Color = (30, 30, 30)
SUPERSAMPLING = 4  # curves are drawn this much larger and averaged down: smooth edges of any width
FONT_FOLDER = Path(__file__).parent / "fonts"
HANDWRITING_FONTS = ("caveat", "kalam", "reenie-beanie", "nanum-pen-script", "indie-flower", "shadows-into-light")
LETTER_FONTS = (  # letters that the network of lines learns beside digits
    *HANDWRITING_FONTS, "patrick-hand", "architects-daughter", "gloria-hallelujah", "cedarville-cursive",
    "covered-by-your-grace", "bad-script", "dancing-script", "sue-ellen-francisco",
)  # fmt: skip
UNSEEN_FONTS = (  # of synthetic envelopes: nothing is ever trained with them
    "handlee", "zeyada", "la-belle-aurore", "nothing-you-could-do", "marck-script", "swanky-and-moo-moo",
)  # fmt: skip
PRINT_FONTS = ("source-sans-3", "courier-prime")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page being drawn; `image` is changed in place."""

    image: ColorPage
    px_per_mm: float

    @property
    def height_mm(self) -> float:
        return float(self.image.shape[0] / self.px_per_mm)

    @property
    def width_mm(self) -> float:
        return float(self.image.shape[1] / self.px_per_mm)


def blank_sheet(width_mm: float, height_mm: float, dpi: float, paper: Color = (255, 255, 255)) -> Sheet:
    px_per_mm = dpi / MM_PER_INCH
    image = np.empty((round(height_mm * px_per_mm), round(width_mm * px_per_mm), 3), np.uint8)
    image[:] = paper
    return Sheet(image, px_per_mm)


def ink_at(sheet: Sheet, ink: Ink, left_px: int, top_px: int, color: Color) -> None:
    """Print an ink map with its top left corner at a pixel; what falls off the page is lost."""
    height, width = sheet.image.shape[:2]
    x0, y0 = max(left_px, 0), max(top_px, 0)
    x1, y1 = min(left_px + ink.shape[1], width), min(top_px + ink.shape[0], height)
    if x1 <= x0 or y1 <= y0:
        return
    part = ink[y0 - top_px : y1 - top_px, x0 - left_px : x1 - left_px].astype(np.uint16)
    absorbed = 255 - np.array(color, np.uint16)  # (3,)
    kept = 255 - (part[:, :, None] * absorbed + 127) // 255
    region = sheet.image[y0:y1, x0:x1]
    region[:] = ((region * kept + 127) // 255).astype(np.uint8)


def fill_rectangle(
    sheet: Sheet, x_mm: float, y_mm: float, width_mm: float, height_mm: float, color: Color = BLACK
) -> None:
    """A filled rectangle with exact, fractional coverage of the pixels at its edges."""
    left, columns = _coverage(x_mm * sheet.px_per_mm, (x_mm + width_mm) * sheet.px_per_mm)
    top, rows = _coverage(y_mm * sheet.px_per_mm, (y_mm + height_mm) * sheet.px_per_mm)
    ink_at(sheet, np.rint(rows[:, None] * columns[None, :] * 255).astype(np.uint8), left, top, color)


def _coverage(start: float, stop: float) -> tuple[int, npt.NDArray[np.float64]]:
    """The first pixel touched by an interval, and the covered share of each pixel from there."""
    first = int(np.floor(start))
    edges = np.arange(first, int(np.ceil(stop)) + 1, dtype=np.float64)
    return first, np.diff(np.clip(edges, start, stop))


def horizontal_line(
    sheet: Sheet, x_mm: float, y_mm: float, length_mm: float, line_mm: float, color: Color = BLACK
) -> None:
    """A line whose center is at `y_mm`; it reaches half a line width past both ends, so that corners close."""
    fill_rectangle(sheet, x_mm - line_mm / 2, y_mm - line_mm / 2, length_mm + line_mm, line_mm, color)


def vertical_line(
    sheet: Sheet, x_mm: float, y_mm: float, length_mm: float, line_mm: float, color: Color = BLACK
) -> None:
    fill_rectangle(sheet, x_mm - line_mm / 2, y_mm - line_mm / 2, line_mm, length_mm + line_mm, color)


def rectangle(
    sheet: Sheet,
    x_mm: float,
    y_mm: float,
    width_mm: float,
    height_mm: float,
    line_mm: float,
    color: Color = BLACK,
) -> None:
    """A frame; the centers of its lines enclose the given rectangle."""
    inner_mm = height_mm - line_mm
    horizontal_line(sheet, x_mm, y_mm, width_mm, line_mm, color)
    horizontal_line(sheet, x_mm, y_mm + height_mm, width_mm, line_mm, color)
    for x in (x_mm, x_mm + width_mm):
        fill_rectangle(sheet, x - line_mm / 2, y_mm + line_mm / 2, line_mm, inner_mm, color)


def curve(
    sheet: Sheet,
    points_mm: npt.NDArray[np.float64],
    line_mm: float,
    color: Color = BLACK,
    *,
    closed: bool = False,
) -> None:
    """A polyline through (n, 2) points, of any width, with smooth edges."""
    ink, left, top = _curve_ink(points_mm * sheet.px_per_mm, line_mm * sheet.px_per_mm, closed=closed, filled=False)
    ink_at(sheet, ink, left, top, color)


def filled_shape(sheet: Sheet, points_mm: npt.NDArray[np.float64], color: Color = BLACK) -> None:
    """A filled polygon of (n, 2) points."""
    ink, left, top = _curve_ink(points_mm * sheet.px_per_mm, 0.0, closed=True, filled=True)
    ink_at(sheet, ink, left, top, color)


def _curve_ink(
    points_px: npt.NDArray[np.float64], line_px: float, *, closed: bool, filled: bool
) -> tuple[Ink, int, int]:
    margin = int(np.ceil(line_px)) + 2
    left, top = np.floor(points_px.min(axis=0)).astype(int) - margin
    width, height = np.ceil(points_px.max(axis=0)).astype(int) + margin - (left, top)
    large = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING), np.uint8)
    corners = np.rint((points_px - (left, top)) * SUPERSAMPLING - 0.5).astype(np.int32)
    if filled:
        cv2.fillPoly(large, [corners], (255,))
    else:
        cv2.polylines(large, [corners], closed, (255,), max(1, round(line_px * SUPERSAMPLING)))
    return _shrink(large), int(left), int(top)


def _shrink(large: Ink) -> Ink:
    size = (large.shape[1] // SUPERSAMPLING, large.shape[0] // SUPERSAMPLING)
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8)


def ellipse_points(
    center_x: float, center_y: float, radius_x: float, radius_y: float, count: int = 48
) -> npt.NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([center_x + radius_x * np.cos(angles), center_y + radius_y * np.sin(angles)], axis=1)


def rounded_points(
    x: float, y: float, width: float, height: float, radius: float, steps: int = 8
) -> npt.NDArray[np.float64]:
    """Corner points of a rectangle with round corners, clockwise."""
    quarter = np.linspace(0, np.pi / 2, steps)
    centers = (
        (x + width - radius, y + radius, -np.pi / 2),
        (x + width - radius, y + height - radius, 0.0),
        (x + radius, y + height - radius, np.pi / 2),
        (x + radius, y + radius, np.pi),
    )
    arcs = [
        np.stack([cx + radius * np.cos(start + quarter), cy + radius * np.sin(start + quarter)], axis=1)
        for cx, cy, start in centers
    ]
    return np.concatenate(arcs)


@lru_cache(maxsize=64)
def font(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    """One of the fonts in `fonts/`, at a size in pixels."""
    return ImageFont.truetype(str(FONT_FOLDER / f"{name}.woff"), max(size_px, 4))


def text_ink(text: str, name: str, size_px: int, *, bold: bool = False) -> Ink:
    """A line of text as an ink map whose height is the font's line height."""
    face = font(name, size_px)
    stroke = max(1, size_px // 22) if bold else 0
    left, _, right, _ = face.getbbox(text, stroke_width=stroke)
    ascent, descent = face.getmetrics()
    image = Image.new("L", (int(np.ceil(right - min(left, 0))) + 1, ascent + descent + 2 * stroke), 0)
    ImageDraw.Draw(image).text((-min(left, 0), stroke), text, font=face, fill=255, stroke_width=stroke)
    return np.asarray(image, np.uint8)


def text_width_mm(text: str, name: str, size_pt: float) -> float:
    """How wide a line is, without drawing it."""
    return font(name, 100).getlength(text) / 100 * size_pt / POINTS_PER_INCH * MM_PER_INCH


def draw_text(
    sheet: Sheet,
    x_mm: float,
    y_mm: float,
    text: str,
    *,
    name: str = "source-sans-3",
    size_pt: float = 10.0,
    color: Color = BLACK,
    bold: bool = False,
) -> None:
    """A line of text whose line box starts at the point given."""
    size_px = round(size_pt / POINTS_PER_INCH * MM_PER_INCH * sheet.px_per_mm)
    ink = text_ink(text, name, size_px, bold=bold)
    ink_at(sheet, ink, round(x_mm * sheet.px_per_mm), round(y_mm * sheet.px_per_mm), color)


def draw_lines(
    sheet: Sheet,
    x_mm: float,
    y_mm: float,
    lines: Sequence[str],
    *,
    name: str = "source-sans-3",
    size_pt: float = 10.0,
    color: Color = BLACK,
) -> None:
    """Lines of text below one another, spaced as books are."""
    pitch_mm = line_pitch_mm(size_pt)
    for number, line in enumerate(lines):
        if line:
            draw_text(sheet, x_mm, y_mm + number * pitch_mm, line, name=name, size_pt=size_pt, color=color)


def line_pitch_mm(size_pt: float) -> float:
    """From one line of text to the next."""
    return size_pt * 1.25 / POINTS_PER_INCH * MM_PER_INCH

"""Decoys that come from the press: text, logos, codes, tables, stamps."""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.synth.forms import Decoy
from scanner.synth.hand import Writer
from scanner.synth.sheet import (
    BLACK,
    MM_PER_INCH,
    POINTS_PER_INCH,
    Color,
    Ink,
    Sheet,
    curve,
    draw_lines,
    draw_text,
    ellipse_points,
    fill_rectangle,
    filled_shape,
    horizontal_line,
    ink_at,
    line_pitch_mm,
    rectangle,
    text_width_mm,
    vertical_line,
)
from scanner.synth.words import random_words

TEXT_PT = 10.0
CROSS_LINE = 0.14  # of its size
STAMP_INKS: tuple[Color, ...] = ((140, 60, 60), (60, 60, 190), (60, 60, 60), (150, 90, 40))


def paragraph(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    name = "courier-prime" if rng.random() < 0.2 else "source-sans-3"
    size_pt = float(rng.uniform(7.0, 10.5))
    if decoy.texts:
        draw_lines(sheet, decoy.x_mm, decoy.y_mm, decoy.texts, size_pt=TEXT_PT)
        return
    lines: list[str] = []
    while (len(lines) + 1) * line_pitch_mm(size_pt) <= decoy.height_mm:
        lines.append(_fitting_line(rng, name, size_pt, decoy.width_mm))
    draw_lines(sheet, decoy.x_mm, decoy.y_mm, lines, name=name, size_pt=size_pt)


def _fitting_line(rng: np.random.Generator, name: str, size_pt: float, width_mm: float) -> str:
    line = ""
    for _ in range(40):
        word = str(rng.integers(1, 9999)) if rng.random() < 0.08 else random_words(rng, 1)
        longer = f"{line} {word}".strip()
        if text_width_mm(longer, name, size_pt) > width_mm:
            break
        line = longer
    return line


def logo(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    size = min(decoy.width_mm, decoy.height_mm)
    x, y = decoy.x_mm + size / 2, decoy.y_mm + size / 2
    color = (int(rng.integers(40, 160)), int(rng.integers(30, 120)), int(rng.integers(30, 120)))
    kind = int(rng.integers(4))
    if kind == 0:
        curve(sheet, ellipse_points(x, y, size * 0.42, size * 0.42), size * 0.13, color, closed=True)
    elif kind == 1:
        filled_shape(sheet, ellipse_points(x, y, size * 0.48, size * 0.3), color)
        fill_rectangle(sheet, decoy.x_mm, y + size * 0.36, size, size * 0.1, color)
    elif kind == 2:
        for step in range(3):
            fill_rectangle(sheet, decoy.x_mm + step * size * 0.34, decoy.y_mm, size * 0.28, size, color)
    else:
        corners = np.array([[x, decoy.y_mm], [decoy.x_mm + size, decoy.y_mm + size], [decoy.x_mm, decoy.y_mm + size]])
        filled_shape(sheet, corners, color)


def square_code(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """Modules and finder patterns like a QR code's; a real one, where there is a text."""
    size_px = round(min(decoy.width_mm, decoy.height_mm) * sheet.px_per_mm)
    modules = _real_code(decoy.texts[0]) if decoy.texts else _random_code(rng)
    ink = cv2.resize(modules.astype(np.uint8) * 255, (size_px, size_px), interpolation=cv2.INTER_NEAREST)
    _ink_at_mm(sheet, np.asarray(ink, np.uint8), decoy.x_mm, decoy.y_mm, BLACK)


def _real_code(text: str) -> npt.NDArray[np.bool_]:
    import zxingcpp

    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    return np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)) < 128


def _random_code(rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    count = 25
    modules = rng.random((count, count)) < 0.5
    finder = np.zeros((8, 8), bool)
    finder[:7, :7] = True
    finder[1:6, 1:6] = False
    finder[2:5, 2:5] = True
    modules[:8, :8] = finder
    modules[:8, -8:] = finder[:, ::-1]
    modules[-8:, :8] = finder[::-1]
    return modules


def fiducial(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """A mark by which a form is found; its text is its shape: square, circle or cross."""
    size = decoy.width_mm
    x, y = decoy.x_mm + size / 2, decoy.y_mm + size / 2
    if decoy.texts == ("square",):
        fill_rectangle(sheet, decoy.x_mm, decoy.y_mm, size, size)
    elif decoy.texts == ("circle",):
        filled_shape(sheet, ellipse_points(x, y, size / 2, size / 2))
    else:
        horizontal_line(sheet, decoy.x_mm, y, size, CROSS_LINE * size)
        vertical_line(sheet, x, decoy.y_mm, size, CROSS_LINE * size)


def _ink_at_mm(sheet: Sheet, ink: Ink, x_mm: float, y_mm: float, color: Color) -> None:
    ink_at(sheet, ink, round(x_mm * sheet.px_per_mm), round(y_mm * sheet.px_per_mm), color)


def bar_code(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    x_mm, module_mm = decoy.x_mm, 0.4
    has_text = bool(rng.random() < 0.6)
    height_mm = decoy.height_mm - (4.0 if has_text else 0.0)
    while x_mm < decoy.x_mm + decoy.width_mm - 4 * module_mm:
        bar_mm = module_mm * int(rng.integers(1, 4))
        fill_rectangle(sheet, x_mm, decoy.y_mm, bar_mm, height_mm)
        x_mm += bar_mm + module_mm * int(rng.integers(1, 4))
    if has_text:
        number = " ".join("".join(str(d) for d in rng.integers(0, 10, 4)) for _ in range(3))
        draw_text(sheet, decoy.x_mm + 4, decoy.y_mm + height_mm, number, size_pt=9)


def print_table(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """A ruled table of printed words and numbers of several digits."""
    rows = max(2, round(decoy.height_mm / float(rng.uniform(5.5, 8.0))))
    columns = int(rng.integers(3, 7))
    row_mm, column_mm = decoy.height_mm / rows, decoy.width_mm / columns
    line_mm = float(rng.uniform(0.15, 0.4))
    for row in range(rows + 1):
        horizontal_line(sheet, decoy.x_mm, decoy.y_mm + row * row_mm, decoy.width_mm, line_mm)
    for column in range(columns + 1):
        vertical_line(sheet, decoy.x_mm + column * column_mm, decoy.y_mm, decoy.height_mm, line_mm)
    filled_columns = columns if rng.random() < 0.65 else int(rng.integers(1, columns))
    for row in range(rows):
        for column in range(columns):
            is_word = row == 0 or column == 0
            if row > 0 and column >= filled_columns:
                continue
            text = random_words(rng, 1) if is_word else str(rng.integers(10, 99999))
            size_pt = min(8.5, 8.5 * (column_mm - 2) / text_width_mm(text, "source-sans-3", 8.5))
            x_mm, y_mm = decoy.x_mm + column * column_mm + 1, decoy.y_mm + (row + 0.5) * row_mm - 2.0
            draw_text(sheet, x_mm, y_mm, text, size_pt=size_pt, bold=row == 0)


def ruled_rows(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """The left part of a ruled table; its seed is the number of rows."""
    for row in range(decoy.seed + 1):
        y_mm = decoy.y_mm + row * decoy.height_mm / decoy.seed
        horizontal_line(sheet, decoy.x_mm, y_mm, decoy.width_mm, 0.25)
    vertical_line(sheet, decoy.x_mm, decoy.y_mm, decoy.height_mm, 0.25)


def stamp(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """A rubber stamp: a turned frame with two lines of text, unevenly inked."""
    scale = sheet.px_per_mm
    height, width = round(decoy.height_mm * scale), round(decoy.width_mm * scale)
    small = Sheet(np.full((height, width, 3), 255, np.uint8), scale)
    inset_mm = 0.12 * decoy.height_mm
    rectangle(small, inset_mm, inset_mm * 1.6, decoy.width_mm - 2 * inset_mm, decoy.height_mm - 3.2 * inset_mm, 0.6)
    size_pt = decoy.height_mm * 0.23 / MM_PER_INCH * POINTS_PER_INCH
    date = f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.20{rng.integers(10, 30)}"
    for text, share in (("RECEIVED", 0.22), (date, 0.48)):
        x_mm = (decoy.width_mm - text_width_mm(text, "source-sans-3", size_pt)) / 2
        draw_text(small, x_mm, decoy.height_mm * share, text, size_pt=size_pt, bold=share < 0.3)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-7, 7)), 0.92)
    ink = cv2.warpAffine(255 - small.image[:, :, 0], turn, (width, height), flags=cv2.INTER_LINEAR)
    wear = cv2.resize(rng.uniform(0.5, 1.0, (8, 12)).astype(np.float32), (width, height))
    color = STAMP_INKS[int(rng.integers(len(STAMP_INKS)))]
    _ink_at_mm(sheet, np.clip(ink * wear, 0, 255).astype(np.uint8), decoy.x_mm, decoy.y_mm, color)

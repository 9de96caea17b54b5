"""Decoys that people write or mark: check boxes, bubbles, names in boxes, signatures, lines of writing."""

import cv2
import numpy as np

from scanner.synth.forms import Decoy
from scanner.synth.frames import draw_frame
from scanner.synth.hand import Writer
from scanner.synth.sheet import (
    HANDWRITING_FONTS,
    Sheet,
    curve,
    draw_text,
    ellipse_points,
    filled_shape,
    font,
    horizontal_line,
    ink_at,
    rectangle,
    text_ink,
    text_width_mm,
)
from scanner.synth.words import NAMES, random_words

MAX_CHECK_BOXES = 40  # a row is full long before


def handwrite(
    sheet: Sheet, text: str, x_mm: float, y_mm: float, height_mm: float, writer: Writer, *, width_mm: float = 1e9
) -> None:
    """Text in the writer's hand; its capitals begin at `y_mm` and are `height_mm` high, tails hang lower."""
    name = HANDWRITING_FONTS[writer.hand % len(HANDWRITING_FONTS)]
    _, top, _, bottom = font(name, 100).getbbox("H")
    size_px = round(height_mm * sheet.px_per_mm * 100 / (bottom - top))
    ink = text_ink(text, name, size_px)
    top_px = round(y_mm * sheet.px_per_mm - top * size_px / 100)
    shrink = min(1.0, width_mm * sheet.px_per_mm / ink.shape[1])
    if shrink < 1.0:
        ink = np.asarray(cv2.resize(ink, None, fx=shrink, fy=1.0, interpolation=cv2.INTER_AREA), np.uint8)
    ink_at(sheet, ink, round(x_mm * sheet.px_per_mm), top_px, writer.color)


def check_boxes(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """A row of check boxes with a word each; some ticked, some crossed."""
    size_mm = float(rng.uniform(3.0, 4.5))
    size_pt = 9.0
    x_mm = decoy.x_mm
    y_mm = decoy.y_mm + (decoy.height_mm - size_mm) / 2
    for number in range(MAX_CHECK_BOXES):
        word = decoy.texts[number] if decoy.texts else random_words(rng, 1)
        step_mm = size_mm + 1.5 + text_width_mm(word, "source-sans-3", size_pt) + 5.0
        if x_mm + step_mm > decoy.x_mm + decoy.width_mm:
            return
        rectangle(sheet, x_mm, y_mm, size_mm, size_mm, 0.3)
        _check_mark(sheet, x_mm, y_mm, size_mm, writer, rng)
        draw_text(sheet, x_mm + size_mm + 1.5, y_mm - 0.4, word, size_pt=size_pt)
        x_mm += step_mm
        if number + 1 == len(decoy.texts):
            return


def _check_mark(
    sheet: Sheet, x_mm: float, y_mm: float, size_mm: float, writer: Writer, rng: np.random.Generator
) -> None:
    kind = rng.random()
    if kind < 0.6:
        return
    jitter = rng.normal(0, 0.08, (4, 2))
    if kind < 0.8:
        tick = np.array([[0.1, 0.5], [0.4, 0.9], [1.1, -0.2]]) + jitter[:3]
        curve(sheet, tick * size_mm + (x_mm, y_mm), 0.45, writer.color)
        return
    cross = np.array([[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]) + jitter
    curve(sheet, cross[:2] * size_mm + (x_mm, y_mm), 0.45, writer.color)
    curve(sheet, cross[2:] * size_mm + (x_mm, y_mm), 0.45, writer.color)


def bubbles(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """Rows of circles or ovals, with a letter or digit in each or beside; a few filled."""
    pitch_x, pitch_y = float(rng.uniform(5.0, 7.5)), float(rng.uniform(5.0, 7.0))
    radius = float(rng.uniform(1.4, 1.9))
    has_frame = bool(rng.random() < 0.4)
    kind = int(rng.integers(3))
    rows, columns = int(decoy.height_mm // pitch_y), min(int((decoy.width_mm - 8) // pitch_x), 10)
    for row in range(rows):
        y = decoy.y_mm + (row + 0.5) * pitch_y
        draw_text(sheet, decoy.x_mm, y - 2.1, str(row + 1), size_pt=9)
        marked = int(rng.integers(columns))
        for column in range(columns):
            x = decoy.x_mm + 8 + (column + 0.5) * pitch_x
            if has_frame:
                rectangle(sheet, x - pitch_x / 2, y - pitch_y / 2, pitch_x, pitch_y, 0.2)
            curve(sheet, ellipse_points(x, y, radius * 1.15, radius), 0.2, closed=True)
            if kind:
                text = "ABCDEFGHIJ"[column] if kind == 1 else str(column)
                width_mm = text_width_mm(text, "source-sans-3", 6.5)
                draw_text(sheet, x - width_mm / 2, y - 1.6, text, size_pt=6.5)
            if column == marked:
                filled_shape(sheet, ellipse_points(x, y, radius * rng.uniform(0.7, 1.2), radius), writer.color)


def rating_row(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """Adjoining cells with a printed number each, one crossed: the scale of a survey."""
    cells = int(rng.integers(5, 11))
    size_mm = min(decoy.height_mm, decoy.width_mm / cells)
    for cell in range(cells):
        text = str(cell + 1)
        x_mm = decoy.x_mm + cell * size_mm
        rectangle(sheet, x_mm, decoy.y_mm, size_mm, size_mm, 0.25)
        text_mm = text_width_mm(text, "source-sans-3", 9)
        draw_text(sheet, x_mm + (size_mm - text_mm) / 2, decoy.y_mm + size_mm / 2 - 2.1, text, size_pt=9)
    marked = int(rng.integers(cells))
    cross = np.array([[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]) + rng.normal(0, 0.06, (4, 2))
    for ends in (cross[:2], cross[2:]):
        curve(sheet, ends * size_mm + (decoy.x_mm + marked * size_mm, decoy.y_mm), 0.45, writer.color)


def _name(decoy: Decoy, rng: np.random.Generator) -> str:
    names = decoy.texts or NAMES
    return names[int(rng.integers(len(names)))]


def letter_row(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """Boxes like those of the digits, filled with a name in capitals."""
    if decoy.box is None:
        raise ValueError("a letter row needs its boxes")
    draw_frame(sheet, decoy.box)
    name = _name(decoy, rng)[: decoy.box.cells]
    height_mm = decoy.box.cell_height_mm * writer.size
    for cell, letter in enumerate(name):
        if letter == " ":
            continue
        x_mm = decoy.box.cell_left_mm(cell) + decoy.box.cell_width_mm * float(rng.uniform(0.12, 0.3))
        y_mm = decoy.box.y_mm + (decoy.box.cell_height_mm - height_mm) * float(rng.uniform(0.3, 0.7))
        handwrite(sheet, letter, x_mm, y_mm, height_mm, writer, width_mm=decoy.box.cell_width_mm * 0.8)


def signature_box(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    rectangle(sheet, decoy.x_mm, decoy.y_mm, decoy.width_mm, decoy.height_mm, 0.3)
    draw_text(sheet, decoy.x_mm + 1, decoy.y_mm + 0.3, "Signature", size_pt=7)
    if rng.random() < 0.8:
        _scrawl(sheet, decoy.x_mm + 4, decoy.y_mm + decoy.height_mm * 0.6, decoy.width_mm * 0.6, writer, rng)


def _scrawl(sheet: Sheet, x_mm: float, y_mm: float, width_mm: float, writer: Writer, rng: np.random.Generator) -> None:
    """A signature: loops that drift to the right."""
    t = np.linspace(0, 1, 600)
    speed = np.interp(t, np.linspace(0, 1, 7), rng.uniform(0.5, 1.6, 7))
    angle = 2 * np.pi * rng.uniform(6, 12) * np.cumsum(speed) / len(t)
    height = np.interp(t, np.linspace(0, 1, 9), rng.uniform(0.6, 4.5, 9))
    x = x_mm + width_mm * t + 1.6 * np.sin(angle + rng.uniform(0.6, 2.0)) + 0.3 * height * np.sin(angle)
    y = y_mm - height * np.sin(angle) - 3.0 * t
    curve(sheet, np.stack([x, y], axis=1), 0.4, writer.color)


def long_box(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """A long single rectangle, empty or with a word."""
    rectangle(sheet, decoy.x_mm, decoy.y_mm, decoy.width_mm, decoy.height_mm, float(rng.uniform(0.2, 0.5)))
    if decoy.texts or rng.random() < 0.4:
        name = _name(decoy, rng).title()
        height_mm = decoy.height_mm * 0.6
        handwrite(sheet, name, decoy.x_mm + 3, decoy.y_mm + 1, height_mm, writer, width_mm=decoy.width_mm - 6)


def ruled_lines(sheet: Sheet, decoy: Decoy, writer: Writer, rng: np.random.Generator) -> None:
    """Lines with cursive handwriting on some."""
    pitch_mm = float(rng.uniform(7.0, 9.0))
    for row in range(int(decoy.height_mm // pitch_mm)):
        y_mm = decoy.y_mm + (row + 1) * pitch_mm - 0.5
        horizontal_line(sheet, decoy.x_mm, y_mm, decoy.width_mm, 0.2)
        if row < len(decoy.texts) or (not decoy.texts and rng.random() < 0.7):
            text = decoy.texts[row] if decoy.texts else random_words(rng, int(rng.integers(2, 5)))
            lift_mm = float(rng.uniform(-0.3, 1.0))
            handwrite(sheet, text, decoy.x_mm + 2, y_mm - 3.6 - lift_mm, 3.6, writer, width_mm=decoy.width_mm - 4)

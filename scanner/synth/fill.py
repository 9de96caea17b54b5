"""Fills a blank form: prints it, then writes numbers into its boxes as a person would."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.synth.decoys import draw_decoy
from scanner.synth.forms import BoxField, Layout
from scanner.synth.frames import draw_frame
from scanner.synth.hand import DIGIT_HEIGHT_PX, DigitSource, Writer, random_writer, thinned
from scanner.synth.sheet import ColorPage, Ink, Sheet, blank_sheet, draw_text, ink_at

BLANK = "_"
CROSSED = "x"
OVERHANG_SHARE = 0.12  # of digits touch or cross the frame, as counted on real forms
NEIGHBOR_SHARE = 0.12  # of those reach sideways into the next cell
MAX_CROSSING_MM = 0.9  # how far such a digit reaches past the line
LARGE_SHARE = 0.55  # of those because the digit is larger than its cell; the others stand too high or low
LARGE_HEIGHTS = (0.97, 1.15)  # of such a digit, in heights of the cell
NARROW = 0.4  # of the cell's width: such a digit, a 1, would vanish in the upright line
MAX_HIDDEN = 0.35  # of a digit's width is past the upright line at most
MAX_WIDTH = 0.92  # of the cell: people squeeze a wide digit in
PAPERS = ((255, 255, 255), (252, 253, 253), (246, 250, 252), (240, 246, 248))
EMPTY_FIELD_SHARE = 0.12
PARTLY_FILLED_SHARE = 0.3
LEADING_BLANK_SHARE = 0.75  # of partly filled fields are written flush right


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled form before scanning. `cells` by field name: one character a cell, a digit, `_` or `x`."""

    image: ColorPage
    px_per_mm: float
    cells: Mapping[str, str]
    writer: Writer


def fill(
    layout: Layout,
    values: Mapping[str, str],
    digits: DigitSource,
    rng: np.random.Generator,
    dpi: float = 300.0,
    *,
    writer: Writer | None = None,
) -> Filled:
    """Print the layout and write the values, by field name, into it.

    A value has one character a cell (digit, `_` blank, `x` crossed out) or fewer: then it stands flush right.
    Fields without a value stay empty.
    """
    person = writer or random_writer(rng)
    sheet = blank_sheet(layout.width_mm, layout.height_mm, dpi, PAPERS[int(rng.integers(len(PAPERS)))])
    print_form(sheet, layout, person)
    cells = {field.name: _one_a_cell(values.get(field.name, ""), field) for field in layout.fields}
    for field in layout.fields:
        write_field(sheet, field, cells[field.name], digits, rng, person)
    return Filled(sheet.image, sheet.px_per_mm, cells, person)


def printed_form(layout: Layout, dpi: float) -> ColorPage:
    """The blank form on white paper: (height, width, 3), blue, green, red."""
    sheet = blank_sheet(layout.width_mm, layout.height_mm, dpi)
    print_form(sheet, layout, random_writer(np.random.default_rng(0)))
    return sheet.image


def print_form(sheet: Sheet, layout: Layout, writer: Writer) -> None:
    """Everything but the digits; decoys that are written by hand are by the same person."""
    for decoy in layout.decoys:
        draw_decoy(sheet, decoy, writer)
    for field in layout.fields:
        draw_frame(sheet, field)
    for label in layout.labels:
        draw_text(
            sheet,
            label.x_mm,
            label.y_mm,
            label.text,
            name=label.font,
            size_pt=label.size_pt,
            color=label.color,
            bold=label.is_bold,
        )


def _one_a_cell(value: str, field: BoxField) -> str:
    if len(value) > field.cells or not set(value) <= set("0123456789" + BLANK + CROSSED):
        raise ValueError(f"field {field.name!r} has {field.cells} cells and cannot hold {value!r}")
    return value.rjust(field.cells, BLANK)


def write_field(
    sheet: Sheet, field: BoxField, cells: str, digits: DigitSource, rng: np.random.Generator, writer: Writer
) -> None:
    drift_mm = rng.normal(0, 0.25, 2)  # a person writes a whole number a little high, or left
    for cell, character in enumerate(cells):
        if character == CROSSED:
            _write_ink(sheet, field, cell, _cross(rng, writer), rng, writer, drift_mm)
        elif character != BLANK:
            _write_ink(sheet, field, cell, digits(int(character), rng, writer), rng, writer, drift_mm)


def _write_ink(
    sheet: Sheet,
    field: BoxField,
    cell: int,
    ink: Ink,
    rng: np.random.Generator,
    writer: Writer,
    drift_mm: npt.NDArray[np.float64],
) -> None:
    """Scale an ink map into a cell and put it down, now and then over the edge."""
    height_mm, width_mm = _size_in_cell(ink, field, rng, writer)
    center_x = field.cell_left_mm(cell) + field.cell_width_mm / 2
    center_y = field.y_mm + field.cell_height_mm / 2
    room_x = max(0.0, (field.cell_width_mm - width_mm) / 2 - 0.2)
    room_y = max(0.0, (field.cell_height_mm - height_mm) / 2 - 0.2)
    offset_x = float(np.clip(drift_mm[0] + rng.normal(0, 0.4), -room_x, room_x))
    offset_y = float(np.clip(drift_mm[1] + rng.normal(0, 0.4), -room_y, room_y))
    is_over = rng.random() < OVERHANG_SHARE
    if is_over and rng.random() < LARGE_SHARE:
        growth = float(rng.uniform(*LARGE_HEIGHTS)) * field.cell_height_mm / height_mm
        ink = thinned(ink, writer.pen * DIGIT_HEIGHT_PX / growth**2)  # larger, but with the same pen
        height_mm, width_mm = height_mm * growth, min(width_mm * growth, field.cell_width_mm)
    elif is_over:
        offset_x, offset_y = _overhang(field, width_mm, height_mm, offset_x, offset_y, rng)
    scale = sheet.px_per_mm
    size_px = (max(2, round(width_mm * scale)), max(2, round(height_mm * scale)))
    small = np.asarray(cv2.resize(ink, size_px, interpolation=cv2.INTER_AREA), np.uint8)
    left_px = round((center_x + offset_x - width_mm / 2) * scale)
    top_px = round((center_y + offset_y - height_mm / 2) * scale)
    ink_at(sheet, pen_texture(small, writer, rng), left_px, top_px, writer.color)


def _size_in_cell(ink: Ink, field: BoxField, rng: np.random.Generator, writer: Writer) -> tuple[float, float]:
    """Height and width in mm: 45 to 95 % of the cell's height, never wider than the cell."""
    share = float(np.clip(writer.size * rng.normal(1.0, 0.07 * writer.care), 0.45, 0.95))
    height_mm = share * field.cell_height_mm
    if ink.shape[0] < 0.5 * ink.shape[1]:  # a flat stroke is not as high as a digit
        height_mm *= 0.5
    width_mm = height_mm * ink.shape[1] / ink.shape[0]
    squeeze = min(1.0, MAX_WIDTH * field.cell_width_mm / width_mm)
    return height_mm * max(squeeze, 0.8), width_mm * squeeze


def _overhang(
    field: BoxField, width_mm: float, height_mm: float, x_mm: float, y_mm: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Move a digit so that it touches or crosses a line of its frame; mostly up or down."""
    crossing_mm = float(rng.uniform(-0.1, MAX_CROSSING_MM))
    sign = 1.0 if rng.random() < 0.6 else -1.0
    is_sideways = rng.random() < NEIGHBOR_SHARE + field.gap_mm / 20
    if is_sideways and width_mm > NARROW * field.cell_width_mm:
        return sign * ((field.cell_width_mm - width_mm) / 2 + min(crossing_mm, MAX_HIDDEN * width_mm)), y_mm
    return x_mm, sign * ((field.cell_height_mm - height_mm) / 2 + crossing_mm)


def pen_texture(ink: Ink, writer: Writer, rng: np.random.Generator) -> Ink:
    """Grain of a pencil, or the slightly uneven flow of a pen."""
    if writer.is_pencil:
        grain = np.asarray(cv2.GaussianBlur(rng.normal(0.86, 0.22, ink.shape), (0, 0), 0.7))
        return np.asarray(np.clip(ink * np.clip(grain, 0.25, 1.0), 0, 255), np.uint8)
    rows, columns = ink.shape
    flow = rng.uniform(0.82, 1.0, (rows // 12 + 2, columns // 12 + 2)).astype(np.float32)
    smooth = np.asarray(cv2.resize(flow, (columns, rows), interpolation=cv2.INTER_LINEAR))
    return np.asarray(np.clip(ink * smooth, 0, 255), np.uint8)


def _cross(rng: np.random.Generator, writer: Writer) -> Ink:
    """An X over the whole cell."""
    size = 100
    ink = np.zeros((size, size), np.uint8)
    ends = np.clip(rng.normal(0.1, 0.05, 8), 0.03, 0.3) * size
    width = max(2, round(writer.pen * size))
    far = size - ends
    cv2.line(ink, (int(ends[0]), int(ends[1])), (int(far[2]), int(far[3])), (255,), width, cv2.LINE_AA)
    cv2.line(ink, (int(far[4]), int(ends[5])), (int(ends[6]), int(far[7])), (255,), width, cv2.LINE_AA)
    return ink


def random_values(layout: Layout, rng: np.random.Generator) -> dict[str, str]:
    """Numbers for every field: most full, some with blank cells, some left empty."""
    return {field.name: _random_cells(field.cells, rng) for field in layout.fields}


def _random_cells(count: int, rng: np.random.Generator) -> str:
    if rng.random() < EMPTY_FIELD_SHARE:
        return BLANK * count
    written = count
    if count > 2 and rng.random() < PARTLY_FILLED_SHARE:
        written = int(rng.integers(max(1, count // 3), count))
    number = "".join(str(digit) for digit in rng.integers(0, 10, written))
    is_flush_right = rng.random() < LEADING_BLANK_SHARE
    return number.rjust(count, BLANK) if is_flush_right else number.ljust(count, BLANK)

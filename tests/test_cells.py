"""The ink in cells: the frame is gone, the digit is whole, dirt is no ink."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from scanner import cells
from scanner.arrays import DIGIT_SIZE, Gray, Quads
from scanner.boxes import BoxRow
from scanner.cells import CellInk
from scanner.digits import normalize
from scanner.synth import BOX_STYLES, EXTRA_STYLES, BoxField, DrawnDigits, Writer
from scanner.synth.forms import DROPOUT_COLORS, BoxStyle, cell_quads
from scanner.synth.frames import draw_frame
from scanner.synth.sheet import BLACK, Color, blank_sheet, ink_at

DPI = 200.0
PX_PER_MM = DPI / 25.4
ALL_STYLES = (*BOX_STYLES, *EXTRA_STYLES)
PEN = Writer(slant=0.1, size=0.6, pen=0.08, color=(60, 40, 30), is_pencil=False, care=0.7, hand=3)
PENCIL = (150, 148, 148)
ALIKE = 0.92  # correlation of a digit cut out of its frame with the same drawn on white paper


def read(page: Gray, quads: Quads, side_share: float = 1.0) -> CellInk:
    """The ink of one row; the only place that knows how cells are read."""
    if hasattr(cells, "read_rows_of_cells"):
        return cells.read_rows_of_cells(page, [BoxRow(quads, side_share)])[0]
    return cells.read_cells(page, quads, side_share)


@dataclass(frozen=True)
class Digit:
    """A digit as written: its height, and the offset of its middle from that of the cell, in parts of the cell."""

    label: int
    height: float = 0.62
    dx: float = 0.0
    dy: float = 0.0
    color: Color = PEN.color


def field_of(style: BoxStyle, count: int = 5, line_mm: float = 0.3) -> BoxField:
    gap_mm = 2.0 if style in ("separate", "rounded", "open") else 0.0
    color = DROPOUT_COLORS[0] if style == "dropout" else BLACK
    return BoxField("f", 8.0, 8.0, count, style, 7.0, 9.0, gap_mm, line_mm, color, radius_mm=1.0)


def share_of(field: BoxField) -> float:
    return field.tick if field.style == "comb" else 1.0


def page_of(field: BoxField | None, digits: Mapping[int, Digit], where: BoxField | None = None) -> Gray:
    """The frame of a field, or none, and digits in the cells (of `where`)."""
    place = where or field
    assert place is not None
    sheet = blank_sheet(place.right_mm + 8, place.bottom_mm + 8, DPI, (250, 250, 250))
    if field is not None:
        draw_frame(sheet, field)
    for cell, digit in digits.items():
        drawn = DrawnDigits()(digit.label, np.random.default_rng(digit.label), PEN)
        height = round(digit.height * place.cell_height_mm * PX_PER_MM)
        width = max(2, round(height * drawn.shape[1] / drawn.shape[0]))
        ink = np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        x_mm = place.cell_left_mm(cell) + (0.5 + digit.dx) * place.cell_width_mm
        y_mm = place.y_mm + (0.5 + digit.dy) * place.cell_height_mm
        ink_at(sheet, ink, round(x_mm * PX_PER_MM - width / 2), round(y_mm * PX_PER_MM - height / 2), digit.color)
    return np.asarray(cv2.cvtColor(sheet.image, cv2.COLOR_BGR2GRAY), np.uint8)


def alone(field: BoxField, digit: Digit) -> npt.NDArray[np.uint8]:
    """The same digit where no frame is printed, in MNIST form."""
    return normalize(page_of(None, {2: digit}, field))


def correlation(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) if one.any() and other.any() else 0.0


# --- blank cells


@pytest.mark.parametrize("style", ALL_STYLES)
@pytest.mark.parametrize("line_mm", [0.2, 0.35, 0.5])
def test_cells_with_nothing_but_their_frame_are_blank(style: BoxStyle, line_mm: float) -> None:
    for count in (1, 2, 3, 8):
        field = field_of(style, count, line_mm)
        ink = read(page_of(field, {}), cell_quads(field, PX_PER_MM), share_of(field))
        assert ink.is_blank.all(), count
        assert not ink.digits.any()
        assert not ink.extent.any()


@pytest.mark.parametrize("style", ALL_STYLES)
@pytest.mark.parametrize(("dx", "dy"), [(2, 0), (-2, 0), (0, 2), (0, -2), (1.5, -1.5)])
def test_a_frame_two_pixels_beside_its_place_is_gone_too(style: BoxStyle, dx: float, dy: float) -> None:
    field = field_of(style)
    quads = cell_quads(field, PX_PER_MM) + np.array((dx, dy), np.float32)
    assert read(page_of(field, {}), quads, share_of(field)).is_blank.all()


def test_cells_of_flat_paper_are_blank_whatever_its_gray() -> None:
    field = field_of("cells")
    height, width = page_of(field, {}).shape
    for level in (0, 90, 255):
        assert read(np.full((height, width), level, np.uint8), cell_quads(field, PX_PER_MM)).is_blank.all()


def test_the_grain_of_paper_is_no_ink() -> None:
    field = field_of("cells")
    page = page_of(field, {}).astype(np.float64)
    noisy = np.clip(page + np.random.default_rng(1).normal(-20, 6, page.shape), 0, 255).astype(np.uint8)
    assert read(noisy, cell_quads(field, PX_PER_MM)).is_blank.all()


def test_a_shadow_across_the_row_is_no_ink() -> None:
    field = field_of("cells")
    page = page_of(field, {})
    shade = 1 - 0.35 / (1 + np.exp(-(np.arange(page.shape[1]) - page.shape[1] / 2) / 25))
    assert read((page * shade).astype(np.uint8), cell_quads(field, PX_PER_MM)).is_blank.all()


@pytest.mark.parametrize("style", ALL_STYLES)
def test_a_speck_is_no_ink(style: BoxStyle) -> None:
    """A dot of 0.4 mm in the middle of each cell."""
    field = field_of(style)
    page, quads = page_of(field, {}), cell_quads(field, PX_PER_MM)
    for x, y in np.rint(quads.mean(axis=1)).astype(int):
        page[y - 1 : y + 2, x - 1 : x + 2] = 30
    assert read(page, quads, share_of(field)).is_blank.all()


def test_a_speck_beside_a_digit_does_not_move_it() -> None:
    field, digit = field_of("separate"), Digit(3)
    page, quads = page_of(field, {2: digit}), cell_quads(field, PX_PER_MM)
    x, y = quads[2, 0].astype(int) + 8
    page[y : y + 3, x : x + 3] = 30
    assert correlation(read(page, quads).digits[2], alone(field, digit)) > ALIKE


# --- written cells


@pytest.mark.parametrize("style", ALL_STYLES)
@pytest.mark.parametrize("label", range(10))
def test_a_digit_is_cut_out_as_if_no_frame_were_there(style: BoxStyle, label: int) -> None:
    field, digit = field_of(style), Digit(label)
    ink = read(page_of(field, {2: digit}), cell_quads(field, PX_PER_MM), share_of(field))
    assert ink.is_blank.tolist() == [True, True, False, True, True]
    assert correlation(ink.digits[2], alone(field, digit)) > ALIKE


@pytest.mark.parametrize("style", ALL_STYLES)
def test_a_whole_number_is_cut_cell_by_cell(style: BoxStyle) -> None:
    field = field_of(style, 10)
    digits = {cell: Digit(cell) for cell in range(10)}
    ink = read(page_of(field, digits), cell_quads(field, PX_PER_MM), share_of(field))
    assert not ink.is_blank.any()
    for label in range(10):
        assert correlation(ink.digits[label], alone(field, Digit(label))) > ALIKE, label


@pytest.mark.parametrize("style", ["separate", "cells", "rounded", "dropout", "comb"])
@pytest.mark.parametrize("height", [0.4, 0.5, 0.8, 0.9])
def test_small_and_large_digits_are_cut_out_whole(style: BoxStyle, height: float) -> None:
    field = field_of(style)
    for label in (0, 2, 4, 7, 8):
        digit = Digit(label, height)
        ink = read(page_of(field, {2: digit}), cell_quads(field, PX_PER_MM), share_of(field))
        assert correlation(ink.digits[2], alone(field, digit)) > 0.88, label


@pytest.mark.parametrize("style", ["separate", "cells", "rounded", "dropout", "comb"])
@pytest.mark.parametrize(("dx", "dy"), [(0, 0.26), (0, -0.26), (0, 0.33), (0, -0.33), (0.3, 0), (-0.3, 0)])
def test_ink_that_crosses_the_frame_is_kept(style: BoxStyle, dx: float, dy: float) -> None:
    """Most digits come out nearly whole; a stroke that runs along the line goes with it, as the stem of a 9."""
    field = field_of(style)
    alike = []
    for label in (0, 2, 3, 5, 6, 8, 9):
        digit = Digit(label, 0.62, dx, dy)
        ink = read(page_of(field, {2: digit}), cell_quads(field, PX_PER_MM), share_of(field))
        assert ink.is_blank.tolist() == [True, True, False, True, True], label
        alike.append(correlation(ink.digits[2], alone(field, digit)))
    assert np.median(alike) > 0.85
    assert sorted(alike)[1] > 0.55


def test_a_very_pale_digit_beside_dark_ones_is_no_empty_cell() -> None:
    field = field_of("separate")
    digits = {0: Digit(4), 1: Digit(7), 2: Digit(5, color=(215, 215, 215))}
    ink = read(page_of(field, digits), cell_quads(field, PX_PER_MM))
    assert ink.is_blank.tolist() == [False, False, True, True, True]
    assert ink.on_frame.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("style", ["separate", "cells", "rounded"])
@pytest.mark.parametrize("dx", [-0.5, -0.43, 0.45])
def test_a_lone_1_at_the_frame_of_an_empty_row_is_told(style: BoxStyle, dx: float) -> None:
    field = field_of(style)
    ink = read(page_of(field, {2: Digit(1, dx=dx)}), cell_quads(field, PX_PER_MM))
    assert ink.on_frame.any() or not ink.is_blank.all()


def test_a_digit_between_two_cells_is_not_lost_without_a_word() -> None:
    field = field_of("separate")
    page = page_of(field, {1: Digit(3, dx=0.64), 2: Digit(6, height=0.7), 3: Digit(1)})
    ink = read(page, cell_quads(field, PX_PER_MM))
    assert ink.is_blank[1]
    assert ink.on_frame[:3].any()


@pytest.mark.parametrize("style", ["separate", "cells", "comb"])
def test_digits_that_lean_into_the_next_cell_stay_apart(style: BoxStyle) -> None:
    field = field_of(style)
    digits = {1: Digit(5), 2: Digit(8, dx=0.2), 3: Digit(2, dx=0.1)}
    ink = read(page_of(field, digits), cell_quads(field, PX_PER_MM), share_of(field))
    assert ink.is_blank.tolist() == [True, False, False, False, True]
    for cell, digit in digits.items():
        assert correlation(ink.digits[cell], alone(field, digit)) > 0.85, cell


def test_a_pale_pencil_beside_a_dark_pen_is_ink() -> None:
    field = field_of("separate")
    digits = {1: Digit(5), 2: Digit(3, color=PENCIL)}
    ink = read(page_of(field, digits), cell_quads(field, PX_PER_MM))
    assert ink.is_blank.tolist() == [True, False, False, True, True]
    assert correlation(ink.digits[2], alone(field, Digit(3))) > ALIKE


@pytest.mark.parametrize("color", [PENCIL, (175, 85, 45), (120, 40, 60), (20, 20, 20)])
def test_the_color_of_the_pen_does_not_matter(color: Color) -> None:
    field = field_of("cells")
    ink = read(page_of(field, {2: Digit(6, color=color)}), cell_quads(field, PX_PER_MM))
    assert correlation(ink.digits[2], alone(field, Digit(6))) > ALIKE


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5, 3.0])
def test_the_resolution_of_the_page_does_not_matter(scale: float) -> None:
    """100 to 600 dpi."""
    field, digit = field_of("cells"), Digit(5)
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    page = cv2.resize(page_of(field, {2: digit}), None, fx=scale, fy=scale, interpolation=smooth)
    ink = read(np.asarray(page, np.uint8), cell_quads(field, PX_PER_MM * scale))
    assert ink.is_blank.tolist() == [True, True, False, True, True]
    assert correlation(ink.digits[2], alone(field, digit)) > 0.88


@pytest.mark.parametrize("degrees", [-10.0, -3.0, 5.0])
@pytest.mark.parametrize("style", ["separate", "cells", "comb"])
def test_the_skew_of_the_row_does_not_matter(style: BoxStyle, degrees: float) -> None:
    field = field_of(style)
    digits = {cell: Digit(cell + 2) for cell in range(5)}
    page = page_of(field, digits)
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += 60
    skewed = cv2.warpAffine(page, turn, (width + 120, height + 120), borderValue=(250,))
    quads = (cell_quads(field, PX_PER_MM) @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    ink = read(np.asarray(skewed, np.uint8), quads, share_of(field))
    for cell, digit in digits.items():
        assert correlation(ink.digits[cell], alone(field, digit)) > 0.9, cell


def test_extent_is_where_the_ink_stands_in_parts_of_its_cell() -> None:
    field = field_of("separate")
    ink = read(page_of(field, {1: Digit(8, 0.6), 3: Digit(8, 0.4, 0.1, -0.2)}), cell_quads(field, PX_PER_MM))
    assert np.allclose(ink.extent[1, [1, 3]], [0.2, 0.8], atol=0.04)
    assert np.allclose(ink.extent[3, [1, 3]], [0.1, 0.5], atol=0.04)
    assert abs(ink.extent[1, [0, 2]].mean() - 0.5) < 0.04
    assert abs(ink.extent[3, [0, 2]].mean() - 0.6) < 0.04
    assert not ink.extent[[0, 2, 4]].any()


# --- the form of the answer


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_every_cell_has_a_digit_a_flag_and_an_extent(count: int) -> None:
    field = field_of("separate", count)
    ink = read(page_of(field, {0: Digit(2)}), cell_quads(field, PX_PER_MM))
    assert ink.digits.shape == (count, DIGIT_SIZE, DIGIT_SIZE)
    assert ink.digits.dtype == np.uint8
    assert ink.is_blank.shape == (count,)
    assert ink.is_blank.dtype == np.bool_
    assert ink.extent.shape == (count, 4)
    assert not ink.is_blank[0]
    assert ink.is_blank[1:].all()
    assert (ink.digits.reshape(count, -1).any(axis=1) == ~ink.is_blank).all()


@pytest.mark.parametrize("shift_mm", [(-10, 0), (0, -12), (25, 0), (0, 12), (-500, -500)])
def test_cells_over_the_edge_of_the_page_are_read_without_error(shift_mm: tuple[float, float]) -> None:
    field = field_of("cells")
    page = page_of(field, {2: Digit(5)})
    ink = read(page, cell_quads(field, PX_PER_MM) + np.array(shift_mm, np.float32) * np.float32(PX_PER_MM))
    assert ink.digits.shape == (5, DIGIT_SIZE, DIGIT_SIZE)


@pytest.mark.parametrize("size_px", [0.5, 1.0, 3.0, 8.0])
def test_tiny_cells_are_read_without_error(size_px: float) -> None:
    quads = np.array([[[0, 0], [1, 0], [1, 1], [0, 1]], [[1, 0], [2, 0], [2, 1], [1, 1]]], np.float32) * size_px + 5
    page = np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8)
    assert read(page, quads).digits.shape == (2, DIGIT_SIZE, DIGIT_SIZE)


def test_the_same_row_gives_the_same_ink_and_the_page_stays_as_it_is() -> None:
    field = field_of("comb")
    page, quads = page_of(field, {2: Digit(5)}), cell_quads(field, PX_PER_MM)
    before = page.copy()
    one, other = read(page, quads, field.tick), read(page, quads, field.tick)
    assert (page == before).all()
    assert (one.digits == other.digits).all()
    assert (one.extent == other.extent).all()


def test_a_comb_keeps_what_stands_higher_than_its_ticks() -> None:
    """As boxes they would have a top; a digit that crosses where it would be loses nothing."""
    field, digit = field_of("comb"), Digit(7, 0.8, 0.0, -0.15)
    ink = read(page_of(field, {2: digit}), cell_quads(field, PX_PER_MM), field.tick)
    assert correlation(ink.digits[2], alone(field, digit)) > ALIKE


def test_long_ticks_are_taken_away_as_short_ones() -> None:
    for tick in (0.2, 0.5, 0.7, 0.95):
        field = replace(field_of("comb"), tick=tick)
        ink = read(page_of(field, {2: Digit(5)}), cell_quads(field, PX_PER_MM), tick)
        assert ink.is_blank.tolist() == [True, True, False, True, True], tick
        assert correlation(ink.digits[2], alone(field, Digit(5))) > ALIKE, tick


# --- what pages of strange forms taught


@pytest.mark.parametrize("gap_mm", [0.8, 1.1])
@pytest.mark.parametrize("dx", [-0.14, 0.14])
def test_the_frame_of_the_next_box_is_not_taken_for_that_of_this_one(gap_mm: float, dx: float) -> None:
    field = replace(field_of("separate"), gap_mm=gap_mm)
    written = {cell: Digit(label, dx=dx) for cell, label in enumerate((0, 6, 8, 2, 9))}
    ink = read(page_of(field, written), cell_quads(field, PX_PER_MM))
    for cell, digit in written.items():
        assert correlation(ink.digits[cell], alone(field, Digit(digit.label))) > 0.87


@pytest.mark.parametrize("style", ["separate", "cells"])
@pytest.mark.parametrize("shift", [-0.11, 0.11])
def test_a_cell_beside_its_frame_is_moved_there(style: BoxStyle, shift: float) -> None:
    """Of a row one cell lies a tenth of its width beside its frame, and its digit at the line."""
    field = field_of(style)
    quads = cell_quads(field, PX_PER_MM)
    quads[2, :, 0] += shift * field.cell_width_mm * PX_PER_MM
    ink = read(page_of(field, {2: Digit(0, dx=float(np.copysign(0.14, shift)))}), quads)
    assert correlation(ink.digits[2], alone(field, Digit(0))) > ALIKE


def test_a_light_stroke_beside_a_dark_blot_is_kept() -> None:
    field = field_of("cells")
    page = page_of(field, {2: Digit(3, color=PENCIL)})
    x, y = np.rint(cell_quads(field, PX_PER_MM)[2].mean(axis=0)).astype(int)
    cv2.circle(page, (int(x), int(y)), 4, (10.0,), -1)
    ink = read(page, cell_quads(field, PX_PER_MM))
    assert correlation(ink.digits[2], alone(field, Digit(3))) > 0.8


@pytest.mark.parametrize("depth", [0.09, 0.1, 0.11])
def test_an_arc_below_the_line_belongs_to_the_digit_above_it(depth: float) -> None:
    """A wide 0 sinks through the lower line, which cuts its foot off."""
    field = field_of("cells", line_mm=0.5)
    page, quads = page_of(field, {}), cell_quads(field, PX_PER_MM)
    width, height = (size * PX_PER_MM for size in (field.cell_width_mm, field.cell_height_mm))
    x, foot = float(quads[2].mean(axis=0)[0]), float(quads[2, 2, 1])
    axes = round(0.36 * width), round(0.24 * height)
    center = round(x), round(foot + depth * height) - axes[1]
    cv2.ellipse(page, center, axes, 0, 0, 360, (50.0,), 2, cv2.LINE_AA)
    ink = read(page, quads)
    assert ink.extent[2, 3] > 1.05  # the foot is there, below the cell
    assert ink.is_blank.tolist() == [True, True, False, True, True]


def test_strokes_that_cross_out_a_column_run_on() -> None:
    """Of a large X over rows of a table each row sees two slanted strokes: no 11."""
    field = field_of("cells", 2)
    page, quads = page_of(field, {}), cell_quads(field, PX_PER_MM)
    for quad in quads:
        x, y = quad.mean(axis=0)
        cv2.line(page, (round(x - 12), round(y - 60)), (round(x + 12), round(y + 60)), (40.0,), 3, cv2.LINE_AA)
    assert read(page, quads).runs_on.all()


@pytest.mark.parametrize("style", ALL_STYLES)
def test_digits_inside_their_cells_do_not_run_on(style: BoxStyle) -> None:
    field = field_of(style)
    page = page_of(field, {cell: Digit(cell + 3, height=0.8) for cell in range(5)})
    assert not read(page, cell_quads(field, PX_PER_MM), share_of(field)).runs_on.any()


def test_words_over_a_comb_are_no_ink() -> None:
    field = field_of("comb")
    page, quads = page_of(field, {2: Digit(7)}), cell_quads(field, PX_PER_MM)
    top = round(float(quads[0, 0, 1]))
    cv2.putText(page, "NUMBERS", (round(float(quads[0, 0, 0])), top + 3), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (30.0,), 2)
    ink = read(page, quads, share_of(field))
    assert correlation(ink.digits[2], alone(field, Digit(7))) > ALIKE


def test_a_rule_over_a_cell_of_a_comb_is_no_ink() -> None:
    field = field_of("comb")
    page, quads = page_of(field, {2: Digit(7)}), cell_quads(field, PX_PER_MM)
    x0, top, x1 = (round(float(each)) for each in (*quads[2, 0], quads[2, 1, 0]))
    page[top + 2 : top + 5, x0 - 12 : x1 + 12] = 30
    ink = read(page, quads, share_of(field))
    assert correlation(ink.digits[2], alone(field, Digit(7))) > ALIKE


def test_a_digit_that_keeps_to_the_edges_of_its_cell_is_no_blank() -> None:
    field = field_of("comb")
    page, quads = page_of(field, {0: Digit(8)}), cell_quads(field, PX_PER_MM)
    x0, y0, x1, y1 = (*quads[2, 0], *quads[2, 2])
    bend = np.rint([(x0 + 5, y0 + 7), (x1 - 7, y0 + 7), (x1 - 7, y1 - 5)]).astype(np.int32)
    cv2.polylines(page, [bend], False, (60.0,), 2, cv2.LINE_AA)
    assert not read(page, quads, share_of(field)).is_blank[2]


def test_a_stroke_along_the_frame_of_a_blank_cell_is_told() -> None:
    """Of a 7 whose bar and stem lie on the lines of its cell nothing is left inside."""
    field = field_of("separate", line_mm=0.5)
    page, quads = page_of(field, {0: Digit(8), 4: Digit(3)}), cell_quads(field, PX_PER_MM)
    x0, y0, x1, y1 = np.rint([*quads[2, 0], *quads[2, 2]]).astype(int)
    page[y0 - 4 : y0 + 4, x0:x1] = page[y0:y1, x1 - 4 : x1 + 4] = 40
    ink = read(page, quads)
    assert not ink.is_blank[2] or ink.on_frame[2]
    assert not ink.on_frame[[1, 3]].any()


@pytest.mark.parametrize(("left", "right"), [(8, 22), (8, 28), (12, 16), (12, 28)])
def test_a_stroke_most_of_which_is_beside_its_cell_is_told(left: int, right: int) -> None:
    field = replace(field_of("separate"), gap_mm=4.0)
    page, quads = page_of(field, {0: Digit(8), 4: Digit(3)}), cell_quads(field, PX_PER_MM)
    x, y0, y1 = round(float(quads[2, 1, 0])), round(float(quads[2, 0, 1])), round(float(quads[2, 3, 1]))
    cv2.line(page, (x - left, y0 + 8), (x + right, y1 - 6), (40.0,), 3, cv2.LINE_AA)
    ink = read(page, quads)
    assert not ink.is_blank[2] or ink.on_frame[2]
    assert not ink.on_frame[[1, 3]].any()


@pytest.mark.parametrize(("depth", "slope"), [(5, 4), (7, 0), (7, 2), (9, 0)])
def test_the_bar_of_a_digit_that_is_gone_is_told(depth: int, slope: int) -> None:
    field = field_of("separate", line_mm=0.5)
    page, quads = page_of(field, {0: Digit(8), 4: Digit(3)}), cell_quads(field, PX_PER_MM)
    x0, y0, x1 = round(float(quads[2, 0, 0])), round(float(quads[2, 0, 1])), round(float(quads[2, 1, 0]))
    cv2.line(page, (x0 + 6, y0 + depth + slope), (x1 - 4, y0 + depth), (40.0,), 3, cv2.LINE_AA)
    ink = read(page, quads)
    assert not ink.is_blank[2] or ink.on_frame[2]


@pytest.mark.parametrize("style", ALL_STYLES)
def test_blank_cells_have_no_strokes_on_their_frames(style: BoxStyle) -> None:
    field = field_of(style)
    assert not read(page_of(field, {0: Digit(8)}), cell_quads(field, PX_PER_MM), share_of(field)).on_frame.any()


@pytest.mark.parametrize("style", ["separate", "cells", "rounded"])
@pytest.mark.parametrize("gray", [90, 130, 170])
def test_a_bar_on_the_line_of_its_cell_is_kept(style: BoxStyle, gray: int) -> None:
    field = replace(field_of(style, line_mm=0.3), color=(gray, gray, gray))
    digit = Digit(7, 0.6, dy=-0.205)  # the bar covers half of the line
    ink = read(page_of(field, {0: Digit(8), 2: digit}), cell_quads(field, PX_PER_MM))
    assert correlation(ink.digits[2], alone(field, digit)) > ALIKE


def test_the_label_right_above_a_comb_is_no_ink() -> None:
    field = field_of("comb")
    page, quads = page_of(field, {cell: Digit(cell + 3, 0.7) for cell in range(5)}), cell_quads(field, PX_PER_MM)
    x, top = (round(float(each)) for each in quads[0, 0])
    cv2.putText(page, "nine names", (x, top + 1), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30.0,), 2)
    ink = read(page, quads, share_of(field))
    for cell in range(5):
        assert correlation(ink.digits[cell], alone(field, Digit(cell + 3, 0.7))) > ALIKE, cell


def test_a_light_frame_around_light_ink_is_taken_away() -> None:
    """Beside darker digits, with which the frame is too light to be ink."""
    field = replace(field_of("cells"), color=(205, 205, 205))
    written = {cell: Digit(cell + 3) for cell in (0, 1, 3, 4)} | {2: Digit(5, color=(190, 190, 190))}
    ink = read(page_of(field, written), cell_quads(field, PX_PER_MM))
    assert correlation(ink.digits[2], alone(field, written[2])) > 0.9


@pytest.mark.parametrize(("frame", "pale"), [(213, 150), (215, 150), (221, 170)])
def test_a_frame_about_as_dark_as_the_palest_ink_leaves_nothing(frame: int, pale: int) -> None:
    """In grain, where the ink of the pale cell has it in pieces."""
    field = replace(field_of("separate"), color=(frame, frame, frame))
    written = {cell: Digit(cell + 3) for cell in (0, 1, 3, 4)} | {2: Digit(5, 0.5, color=(pale, pale, pale))}
    page = page_of(field, written).astype(np.float64)
    grainy = np.clip(page + np.random.default_rng(1).normal(0, 6, page.shape), 0, 255).astype(np.uint8)
    ink = read(grainy, cell_quads(field, PX_PER_MM))
    assert correlation(ink.digits[2], alone(field, written[2])) > ALIKE


@pytest.mark.parametrize("side", [4, 6])
def test_a_black_speck_does_not_hide_pale_ink(side: int) -> None:
    field = field_of("separate")
    pale = Digit(7, 0.6, color=(185, 185, 185))
    page, quads = page_of(field, {0: Digit(8, color=pale.color), 2: pale}), cell_quads(field, PX_PER_MM)
    assert correlation(read(page, quads).digits[2], alone(field, pale)) > ALIKE
    x, y = np.rint(quads[2].mean(axis=0)).astype(int)
    page[y + 4 : y + 4 + side, x + 11 : x + 11 + side] = 0
    seen = read(page, quads).digits[2].astype(np.float64)
    assert correlation(seen.astype(np.uint8), alone(field, pale)) > 0.6
    assert seen.sum() > 0.8 * alone(field, pale).sum()


def test_ink_of_the_row_above_is_not_read_with_a_digit_that_touches_it() -> None:
    """A 7 up to its upper line, onto which a stroke of the table's upper row comes down."""
    field = field_of("cells")
    digit = Digit(4, 0.9, dy=-0.06)
    page, quads = page_of(field, {0: Digit(8), 2: digit}), cell_quads(field, PX_PER_MM)
    x, top = round(float(quads[2].mean(axis=0)[0])), round(float(quads[2, 0, 1]))
    cv2.line(page, (x - 14, 0), (x + 8, top + 12), (50.0,), 3, cv2.LINE_AA)
    ink = read(page, quads)
    assert ink.runs_on[2]
    assert ink.extent[2, 1] > -0.1

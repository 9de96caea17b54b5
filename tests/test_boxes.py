"""Rows of boxes on whole pages: found where they are drawn, whatever the scan; nothing found where there are none."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from scanner.arrays import Gray, Quads
from scanner.boxes import BoxRow, find_box_rows
from scanner.boxes.canvas import make_canvas
from scanner.boxes.holes import MAX_CELLS
from scanner.boxes.joined import join_parts
from scanner.boxes.lines import Lines, find_lines
from scanner.boxes.rows import split_irregular
from scanner.boxes.trays import find_trays
from scanner.synth import BOX_STYLES, BoxField, DrawnDigits, Layout, SyntheticPage, make_page
from scanner.synth.forms import DROPOUT_COLORS, BoxStyle, Decoy
from scanner.synth.pages import scan_form
from scanner.synth.sheet import BLACK

DPI = 150.0
FOUND_IOU = 0.6  # of the worst cell: a comb has no top, the reader guesses one
A5_PX = (1240, 874)  # height, width at DPI
SHEET = np.full(A5_PX, 255, np.uint8)


def gray(image: np.ndarray) -> Gray:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def form(style: BoxStyle, cells: Sequence[int] = (6, 4, 8, 2), cell_mm: tuple[float, float] = (7.0, 9.0)) -> Layout:
    """An A5 page with one field a row."""
    gap_mm = 2.0 if style in ("separate", "rounded", "dropout", "open") else 0.0
    color = DROPOUT_COLORS[0] if style == "dropout" else BLACK
    fields = tuple(
        BoxField(f"r{n:02d}f01", 18.0, 10.0 + 30.0 * n, count, style, *cell_mm, gap_mm, color=color, radius_mm=1.0)
        for n, count in enumerate(cells, start=1)
    )
    return Layout(style, 148.0, 210.0, fields)


@cache
def printed(style: BoxStyle, fault: str = "clean", dpi: float = DPI) -> SyntheticPage:
    """The form with nothing written into it."""
    return scan_form(form(style), {}, fault, DrawnDigits(), np.random.default_rng(5), dpi)


def page_of(*decoys: Decoy, seed: int = 1) -> Gray:
    layout = Layout("decoys", 148.0, 210.0, (), decoys=decoys)
    return gray(scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(seed), DPI).image)


def worst_iou(found: Quads, true: Quads) -> float:
    """Intersection over union of the cell that is hit worst; 0 where the numbers of cells differ."""
    if len(found) != len(true):
        return 0.0
    shares = []
    for cell, truth in zip(found.astype(np.float32), true.astype(np.float32), strict=True):
        both = cv2.intersectConvexConvex(cell, truth)[0]
        shares.append(both / (cv2.contourArea(cell) + cv2.contourArea(truth) - both))
    return min(shares)


def nearest(rows: Sequence[BoxRow], true: Quads) -> BoxRow | None:
    """The row with the cells of a true field, if there is one."""
    best = max(rows, key=lambda row: worst_iou(row.quads, true), default=None)
    return best if best is not None and worst_iou(best.quads, true) >= FOUND_IOU else None


def found(page: SyntheticPage) -> list[bool]:
    """For each true field whether a row has its cells."""
    rows = find_box_rows(gray(page.image))
    return [nearest(rows, field.quads) is not None for field in page.truth]


# --- pages without boxes


@pytest.mark.parametrize("level", [0, 3, 128, 255])
@pytest.mark.parametrize("size", [(2, 2), (5, 9), (32, 32), (40, 700), (900, 33), A5_PX])
def test_a_flat_page_has_no_rows(size: tuple[int, int], level: int) -> None:
    assert find_box_rows(np.full(size, level, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (32, 40_000), (40_000, 32)])
def test_a_page_of_any_shape_is_searched_without_error(size: tuple[int, int]) -> None:
    """`page.py` lets a page of 32 x 40,000 pixels through."""
    assert find_box_rows(np.full(size, 255, np.uint8)) == []


@pytest.mark.parametrize("sigma", [3, 12, 25])
@pytest.mark.parametrize("size", [(7, 7), (33, 64), (300, 200), A5_PX])
def test_the_grain_of_paper_has_no_rows(size: tuple[int, int], sigma: int) -> None:
    grain = np.random.default_rng(sigma).normal(200, sigma, size)
    assert find_box_rows(np.clip(grain, 0, 255).astype(np.uint8)) == []


@pytest.mark.parametrize("size", [(7, 7), (33, 64), (300, 200), (600, 400), A5_PX])
def test_white_noise_has_few_rows(size: tuple[int, int]) -> None:
    """The worst there is: 0 to 19 rows were found; what is in them refuses them."""
    rng = np.random.default_rng(1)
    pepper = np.where(rng.random(size) < 0.03, 0, 255).astype(np.uint8)
    for page in (pepper, rng.integers(0, 256, size, dtype=np.uint8)):
        assert len(find_box_rows(page)) <= 25


def test_shading_has_no_rows() -> None:
    slope = np.broadcast_to(np.linspace(90, 250, A5_PX[1]), A5_PX).astype(np.uint8)
    assert find_box_rows(slope) == []
    assert find_box_rows(np.ascontiguousarray(slope[:, ::-1])) == []


def test_parallel_lines_are_no_rows() -> None:
    ruled = SHEET.copy()
    ruled[60::60] = 40
    assert find_box_rows(ruled) == []
    assert find_box_rows(np.ascontiguousarray(ruled.T)) == []


def test_a_page_of_print_has_a_row_or_two_a_line_at_most() -> None:
    """40 lines of 10 points; 29 to 58 rows of letters passed for boxes or combs, content refuses them."""
    for seed in range(2):
        assert len(find_box_rows(page_of(Decoy("paragraph", 12, 12, 124, 180, seed), seed=seed))) <= 80


def test_check_boxes_with_words_between_are_hardly_ever_rows() -> None:
    """12 rows of check boxes: 4 rows, of letters, were found."""
    pages = [page_of(*(Decoy("check_boxes", 12, top, 124, 6, seed) for top in (20, 60, 100))) for seed in range(4)]
    assert sum(len(find_box_rows(page)) for page in pages) <= 5


@pytest.mark.parametrize("kind", ["ruled_lines", "signature_box", "bar_code", "stamp", "logo", "long_box"])
def test_other_things_on_a_form_give_few_rows(kind: str) -> None:
    pages = [page_of(Decoy(kind, 20, 60, 80, 26, seed), seed=seed) for seed in range(4)]
    assert sum(len(find_box_rows(page)) for page in pages) <= 12


# --- pages with boxes


@pytest.mark.parametrize("style", BOX_STYLES)
def test_rows_of_every_style_are_found_and_nothing_else(style: BoxStyle) -> None:
    page = printed(style)
    assert found(page) == [True] * len(page.truth)
    assert len(find_box_rows(gray(page.image))) == len(page.truth)


@pytest.mark.parametrize("style", BOX_STYLES)
def test_cells_lie_within_a_millimeter_of_the_truth(style: BoxStyle) -> None:
    """Of a comb's cells the bottom and the sides; their top is nowhere printed."""
    page = printed(style)
    rows = find_box_rows(gray(page.image))
    for field in page.truth:
        row = nearest(rows, field.quads)
        assert row is not None
        off = np.abs(row.quads - field.quads)
        assert off[:, 2:].max() <= DPI / 25.4
        assert style == "comb" or off.max() <= DPI / 25.4


@pytest.mark.parametrize("style", BOX_STYLES)
def test_cells_run_left_to_right_with_their_corners_clockwise_from_the_top_left(style: BoxStyle) -> None:
    for row in find_box_rows(gray(printed(style).image)):
        top_left, top_right, bottom_right, bottom_left = (row.quads[:, corner] for corner in range(4))
        assert row.quads.shape[1:] == (4, 2)
        assert (np.diff(top_left[:, 0]) > 0).all()
        assert (top_right[:, 0] > top_left[:, 0]).all()
        assert (bottom_right[:, 0] > bottom_left[:, 0]).all()
        assert (bottom_left[:, 1] > top_left[:, 1]).all()
        assert (bottom_right[:, 1] > top_right[:, 1]).all()


@pytest.mark.parametrize("style", BOX_STYLES)
def test_whole_rows_do_not_go_on(style: BoxStyle) -> None:
    assert not any(row.goes_on for row in find_box_rows(gray(printed(style).image)))


@pytest.mark.parametrize("style", ["separate", "cells"])
def test_a_row_that_loses_a_cell_goes_on(style: BoxStyle) -> None:
    """A third of the last cell's far side is hidden under a blot that also fills its inside."""
    page = printed(style)
    image, quads = gray(page.image).copy(), page.truth[0].quads
    (x0, y0), (x1, y1) = np.rint(quads[-1, 0]).astype(int), np.rint(quads[-1, 2]).astype(int)
    image[y0 - 3 : y1 + 4, x1 - 4 : x1 + 5] = 255
    image[y0 + 12 : y1 - 12, x0 + 10 : x1 - 10] = 40
    rows = [row for row in find_box_rows(image) if np.abs(row.quads[0, 0] - quads[0, 0]).max() < 6]
    assert [(len(row.quads) == len(quads), row.goes_on) for row in rows] in ([(True, False)], [(False, True)])


def test_a_comb_whose_baseline_breaks_off_goes_on() -> None:
    """Under the first cell a fax has lost the baseline; its tick and its digit are there."""
    page = printed("comb")
    image, quads = gray(page.image).copy(), page.truth[0].quads
    (x0, y0), (x1, y1) = np.rint(quads[0, 0]).astype(int), np.rint(quads[0, 2]).astype(int)
    image[y1 - 3 : y1 + 4, x0 + 4 : x1 - 3] = 255
    image[y0 + 8 : y1 - 8, (x0 + x1) // 2 : (x0 + x1) // 2 + 4] = 40
    rows = [row for row in find_box_rows(image) if np.abs(row.quads[-1, 2] - quads[-1, 2]).max() < 6]
    assert [(len(row.quads) == len(quads), row.goes_on) for row in rows] in ([(True, False)], [(False, True)])


@pytest.mark.parametrize("style", ["separate", "cells"])
def test_two_parts_of_a_row_go_on(style: BoxStyle) -> None:
    """Of a row of ten the frame of the sixth cell is gone; a stroke is where it was."""
    gap_mm = 2.0 if style == "separate" else 0.0
    field = BoxField("f", 20.0, 30.0, 10, style, 7.0, 9.0, gap_mm=gap_mm)
    page = scan_form(Layout("one", 148.0, 105.0, (field,)), {}, "clean", DrawnDigits(), np.random.default_rng(1), DPI)
    image, quads = gray(page.image).copy(), page.truth[0].quads
    (x0, y0), (x1, y1) = np.rint(quads[5, 0]).astype(int), np.rint(quads[5, 2]).astype(int)
    inset = 0 if style == "separate" else 6
    image[y0 - 4 : y1 + 5, x0 - 4 + inset : x1 + 5 - inset] = 255
    image[y0 + 12 : y1 - 12, (x0 + x1) // 2 - 2 : (x0 + x1) // 2 + 3] = 40
    rows = find_box_rows(image)
    assert {(len(row.quads), row.goes_on) for row in rows} in ({(10, False)}, {(5, True), (4, True)})


# --- boxes without a top


OPEN_CELLS = (6, 4, 8, 2)


def open_page(fault: str = "clean", dpi: float = DPI, *, gap_mm: float = 2.0, filled: bool = False) -> SyntheticPage:
    layout = form("open", OPEN_CELLS)
    layout = replace(layout, fields=tuple(replace(field, gap_mm=gap_mm) for field in layout.fields))
    rng = np.random.default_rng(5)
    values = {field.name: "".join(rng.choice(list("0123456789"), field.cells)) for field in layout.fields}
    return scan_form(layout, values if filled else {}, fault, DrawnDigits(), rng, dpi)


@pytest.mark.parametrize("fault", ["clean", "scan", "photo", "fax", "low", "skew"])
@pytest.mark.parametrize("filled", [False, True])
def test_boxes_without_a_top_are_found_and_nothing_else(fault: str, filled: bool) -> None:
    page = open_page(fault, filled=filled)
    rows = find_box_rows(gray(page.image))
    assert sorted(len(row.quads) for row in rows) == sorted(OPEN_CELLS)
    assert found(page) == [True] * len(OPEN_CELLS)
    assert all(row.side_share < 1 for row in rows)


@pytest.mark.parametrize("gap_mm", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("dpi", [100.0, 200.0, 300.0])
def test_boxes_without_a_top_are_found_at_every_resolution(dpi: float, gap_mm: float) -> None:
    assert found(open_page("scan", dpi, gap_mm=gap_mm, filled=True)) == [True] * len(OPEN_CELLS)


def test_ticks_that_two_cells_share_are_a_comb_and_no_boxes_without_a_top() -> None:
    canvas = make_canvas(gray(printed("comb").image))
    assert find_trays(canvas.ink, find_lines(canvas.ink)) == []


@pytest.mark.parametrize("style", ["separate", "cells", "rounded", "table", "grid"])
def test_closed_boxes_are_no_boxes_without_a_top(style: BoxStyle) -> None:
    canvas = make_canvas(gray(printed(style).image))
    assert find_trays(canvas.ink, find_lines(canvas.ink)) == []


def test_two_boxes_without_a_top_need_a_longer_row_beside_them() -> None:
    page = scan_form(form("open", (2, 2)), {}, "clean", DrawnDigits(), np.random.default_rng(5), DPI)
    canvas = make_canvas(gray(page.image))
    assert find_trays(canvas.ink, find_lines(canvas.ink)) == []


def test_grained_wood_has_no_boxes_without_a_top() -> None:
    rng = np.random.default_rng(3)
    grain = cv2.blur(rng.normal(0, 60, A5_PX), (61, 3)) + cv2.blur(rng.normal(0, 60, A5_PX), (3, 61))
    canvas = make_canvas(np.clip(170 + 4 * grain, 0, 255).astype(np.uint8))
    assert find_trays(canvas.ink, find_lines(canvas.ink)) == []


@pytest.mark.parametrize("style", BOX_STYLES)
def test_only_the_sides_of_a_comb_end_below_its_cells(style: BoxStyle) -> None:
    shares = [row.side_share for row in find_box_rows(gray(printed(style).image))]
    assert all(0.1 < share < 0.6 for share in shares) if style == "comb" else set(shares) == {1.0}


@pytest.mark.parametrize("degrees", [-10.0, -5.5, -0.3, 2.0, 10.0])
def test_rows_of_a_skewed_page_are_found(degrees: float) -> None:
    for style in BOX_STYLES:
        page = printed(style)
        height, width = page.image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        skewed = cv2.warpAffine(gray(page.image), turn, (width, height), borderValue=(255,))
        rows = find_box_rows(np.asarray(skewed, np.uint8))
        for field in page.truth:
            true = field.quads @ turn[:, :2].T + turn[:, 2]
            assert nearest(rows, true) is not None, (style, field.name)


@pytest.mark.parametrize("dpi", [100.0, 200.0, 300.0, 600.0])
@pytest.mark.parametrize("style", BOX_STYLES)
def test_rows_are_found_at_every_resolution(style: BoxStyle, dpi: float) -> None:
    assert all(found(printed(style, "clean", dpi)))


@pytest.mark.parametrize("fault", ["scan", "photo", "low", "photocopy", "fax", "skew"])
@pytest.mark.parametrize("style", BOX_STYLES)
def test_rows_are_found_on_every_kind_of_scan(style: BoxStyle, fault: str) -> None:
    if style == "dropout" and fault in ("fax", "photocopy"):
        pytest.skip("machines of one bit lose pale print")
    assert sum(found(printed(style, fault))) >= 3  # of 4


@pytest.mark.parametrize("paper", [255, 180, 120])
def test_frames_a_little_darker_than_the_paper_are_found(paper: int) -> None:
    page = printed("separate")
    faint = np.where(gray(page.image) < 128, paper - 40, paper).astype(np.uint8)
    rows = find_box_rows(faint)
    assert all(nearest(rows, field.quads) is not None for field in page.truth)


def test_narrow_and_wide_cells_are_found() -> None:
    for cell_mm in ((4.5, 9.0), (6.0, 6.0), (10.0, 12.0), (9.0, 6.5)):
        layout = form("cells", cell_mm=cell_mm)
        assert all(found(scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(2), DPI))), cell_mm


@pytest.mark.parametrize("line_mm", [0.2, 0.3, 0.4, 0.5])
@pytest.mark.parametrize("dpi", [150.0, 300.0])
def test_combs_on_a_postcard_are_found_whatever_their_line(line_mm: float, dpi: float) -> None:
    """A small page is enlarged more, and its lines with it."""
    comb = BoxField("r01f01", 20.0, 30.0, 6, "comb", 7.0, 9.0, line_mm=line_mm)
    page = scan_form(Layout("card", 148.0, 105.0, (comb,)), {}, "clean", DrawnDigits(), np.random.default_rng(1), dpi)
    assert found(page) == [True]


def test_the_margin_around_the_boxes_does_not_matter() -> None:
    """A tight crop of one field is a page too."""
    page = printed("separate")
    whole = gray(page.image)
    for margin in (8, 25, 60):
        true = page.truth[0].quads
        left, top = np.floor(true.min(axis=(0, 1))).astype(int) - margin
        right, bottom = np.ceil(true.max(axis=(0, 1))).astype(int) + margin
        rows = find_box_rows(np.ascontiguousarray(whole[top:bottom, left:right]))
        assert [len(row.quads) for row in rows] == [len(true)], margin
        assert worst_iou(rows[0].quads + np.array((left, top)), true) > FOUND_IOU


# --- pages with digits in the boxes


@pytest.mark.parametrize("style", BOX_STYLES)
@pytest.mark.parametrize(("fault", "least"), [("clean", 0.93), ("scan", 0.9)])
def test_what_is_written_seldom_hides_the_boxes(style: BoxStyle, fault: str, least: float) -> None:
    """Random forms among decoys, one digit in eight over its frame: 95 - 100 % of the fields were found."""
    hits = [hit for seed in range(2) for hit in found(make_page(style, fault, seed, seed, DrawnDigits(), DPI))]
    assert np.mean(hits) >= least


@pytest.mark.parametrize("style", ["separate", "cells"])
def test_a_digit_as_high_as_its_cell_does_not_part_it(style: BoxStyle) -> None:
    """An 8 that touches the top and the bottom of its cell is no separator."""
    field = BoxField("r01f01", 20.0, 30.0, 4, style, 7.0, 9.0, gap_mm=2.0 if style == "separate" else 0.0)
    page = scan_form(Layout("one", 148.0, 105.0, (field,)), {}, "clean", DrawnDigits(), np.random.default_rng(1), DPI)
    image = gray(page.image)
    for cell in page.truth[0].quads[1:3]:
        (x0, y0), (x1, y1) = cell[0], cell[2]
        middle = round(float(x0 + x1) / 2)
        quarter = round(float(y1 - y0) / 4)
        for center_y in (y0 + quarter, y1 - quarter):
            cv2.ellipse(image, (middle, round(float(center_y))), (11, quarter), 0, 0, 360, (40,), 3, cv2.LINE_AA)
    assert [len(row.quads) for row in find_box_rows(image)] == [4]


# --- bounds


@pytest.mark.parametrize("pitch_px", [24, 30, 40, 60, 120])
def test_the_rows_of_a_grid_over_the_page_edge_are_bounded(pitch_px: int) -> None:
    grid = SHEET.copy()
    grid[pitch_px // 2 :: pitch_px] = 0
    grid[:, pitch_px // 2 :: pitch_px] = 0
    rows = find_box_rows(grid)
    assert len(rows) <= A5_PX[0] / pitch_px + 1
    assert all(2 <= len(row.quads) <= MAX_CELLS for row in rows)


def test_no_row_has_more_than_the_most_cells() -> None:
    """76 cells side by side, as on graph paper."""
    strip = np.full((400, 1750), 255, np.uint8)
    strip[100:190:18, 20:1700] = 0
    strip[100:190, 20:1700:18] = 0
    assert all(len(row.quads) <= MAX_CELLS for row in find_box_rows(strip))


def test_a_row_that_runs_over_the_page_edge_ends_there() -> None:
    strip = SHEET.copy()
    strip[300:303] = strip[360:363] = 0
    strip[300:363, 20::50] = strip[300:363, 21::50] = 0
    rows = find_box_rows(strip)
    assert len(rows) == 1
    assert rows[0].quads[..., 0].min() >= -2
    assert rows[0].quads[..., 0].max() <= A5_PX[1] + 2


def test_the_page_stays_as_it_is_and_gives_the_same_rows_again() -> None:
    page = gray(printed("cells").image)
    before = page.copy()
    first, second = find_box_rows(page), find_box_rows(page)
    assert (page == before).all()
    assert [row.quads.tolist() for row in first] == [row.quads.tolist() for row in second]


def test_a_view_of_an_array_is_searched_as_its_copy() -> None:
    page = np.rot90(gray(printed("cells").image), 1)
    rows = find_box_rows(np.rot90(page, -1))
    assert [len(row.quads) for row in rows] == [len(row.quads) for row in find_box_rows(np.rot90(page, -1).copy())]


# --- parts of a row


def lines_of(boxes: Sequence[tuple[int, int, int, int]]) -> Lines:
    """What is found of the frames of boxes x0, y0, x1, y1 on a canvas."""
    ink = np.zeros((200, 600), np.uint8)
    for x0, y0, x1, y1 in boxes:
        cv2.rectangle(ink, (x0, y0), (x1, y1), 255, 1)
    return find_lines(ink)


def cells_at(*places: int) -> npt.NDArray[np.float32]:
    return np.array([(20 + 40 * place, 50, 58 + 40 * place, 100) for place in places], np.float32)


def test_parts_that_adjoin_are_one_row() -> None:
    frame = lines_of([(20 + 40 * place, 50, 58 + 40 * place, 100) for place in range(8)])
    (row,) = join_parts([cells_at(4, 5, 6, 7), cells_at(0, 1, 2, 3)], frame)
    np.testing.assert_allclose(row, cells_at(*range(8)), atol=1)


def test_a_cell_lost_between_two_parts_is_found_by_its_frame() -> None:
    frame = lines_of([(20 + 40 * place, 50, 58 + 40 * place, 100) for place in range(6)])
    (row,) = join_parts([cells_at(0, 1), cells_at(3, 4, 5)], frame)
    np.testing.assert_allclose(row, cells_at(*range(6)), atol=2.5)


def test_fields_a_cell_apart_stay_apart() -> None:
    frame = lines_of([(20 + 40 * place, 50, 58 + 40 * place, 100) for place in (0, 1, 3, 4, 6, 7)])
    rows = [cells_at(0, 1), cells_at(3, 4), cells_at(6, 7)]
    assert len(join_parts(rows, frame)) == 3


@pytest.mark.parametrize(("dx", "dy", "size"), [(0, 15, 0), (12, 0, 0), (0, 0, 12)])
def test_rows_of_another_design_or_line_stay_apart(dx: int, dy: int, size: int) -> None:
    other = cells_at(3, 4) + np.array((dx, dy, dx + size, dy + size), np.float32)
    boxes = [*cells_at(0, 1, 2), *other]
    frame = lines_of([(int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in boxes])
    assert len(join_parts([cells_at(0, 1, 2), other], frame)) == 2


def test_cells_at_one_place_are_no_parts() -> None:
    """Heaps of print make such: their step is nothing."""
    heap, other = np.repeat(cells_at(0), 3, axis=0), cells_at(4, 5)
    assert len(join_parts([heap, other], lines_of([(20, 50, 58, 100)]))) == 2


def test_no_rows_are_no_parts() -> None:
    assert join_parts([], lines_of([])) == []


def test_a_cell_cut_short_by_a_stroke_does_not_hide_the_one_after_it() -> None:
    """The second of three boxes has a stroke along its lower line, the third is parted by a 1 from top to bottom."""
    field = BoxField("f", 20.0, 30.0, 3, "separate", 7.0, 9.0, gap_mm=3.0)
    page = scan_form(Layout("one", 148.0, 105.0, (field,)), {}, "clean", DrawnDigits(), np.random.default_rng(1), DPI)
    image, quads = gray(page.image).copy(), page.truth[0].quads
    (x0, y0), (x1, y1) = np.rint(quads[1, 0]).astype(int), np.rint(quads[1, 2]).astype(int)
    image[y1 - 9 : y1 - 5, x0:x1] = 40
    x0, x1 = np.rint(quads[2, [0, 1], 0]).astype(int)
    image[y0:y1, (x0 + x1) // 2 - 1 : (x0 + x1) // 2 + 2] = 40
    assert nearest(find_box_rows(image), quads) is not None


def test_what_is_written_beside_a_row_is_told() -> None:
    page = printed("separate")
    image, quads = gray(page.image).copy(), page.truth[0].quads
    step = quads[-1] - quads[-2]
    (x0, y0), (x1, y1) = np.rint(quads[-1, 0] + step[0]).astype(int), np.rint(quads[-1, 2] + step[2]).astype(int)
    image[y0 + 10 : y1 - 10, (x0 + x1) // 2 - 2 : (x0 + x1) // 2 + 3] = 40
    rows = [row for row in find_box_rows(image) if len(row.quads) == len(quads)]
    assert [(row.goes_on, len(row.beside)) for row in rows] == [(False, 1)]
    assert worst_iou(rows[0].beside, (quads[-1] + step)[None]) >= FOUND_IOU


def from_a_side(page: SyntheticPage, keystone: float) -> tuple[Gray, npt.NDArray[np.float64]]:
    """A photo of the page whose right edge is farther away, or nearer; and from the page to it (3, 3)."""
    height, width = page.image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners.copy()
    seen[[1, 2], 1] += np.array([keystone, -keystone]) * height
    matrix = cv2.getPerspectiveTransform(corners, seen)
    image = cv2.warpPerspective(gray(page.image), matrix, (width, height), borderValue=(255,))
    return np.asarray(image, np.uint8), np.asarray(matrix, np.float64)


@pytest.mark.parametrize("keystone", [0.06, -0.06])
def test_a_long_comb_seen_from_a_side_is_found(keystone: float) -> None:
    """Its cells grow narrower toward one end, by more than a tick may be off its place."""
    field = BoxField("r01f01", 16.0, 60.0, 13, "comb", 8.5, 9.0)
    page = scan_form(Layout("card", 148.0, 105.0, (field,)), {}, "clean", DrawnDigits(), np.random.default_rng(1), 200)
    image, matrix = from_a_side(page, keystone)
    (row,) = [each for each in find_box_rows(image) if len(each.quads) == 13]
    true = cv2.perspectiveTransform(page.truth[0].quads.reshape(1, -1, 2), matrix).reshape(-1, 4, 2)
    assert np.abs(row.quads[:, 2:] - true[:, 2:]).max() < 4  # the bottom, which is printed


@pytest.mark.parametrize("gap", [1.25, 1.4])
@pytest.mark.parametrize("groups", [(9, 3), (3, 9), (6, 6), (2, 2, 4), (4, 4, 4)])
def test_a_wider_gap_still_parts_a_long_row(groups: tuple[int, ...], gap: float) -> None:
    steps = np.concatenate([[gap * 40.0] + [40.0] * (count - 1) for count in groups])
    x0 = np.cumsum(steps).astype(np.float32)
    row = np.stack([x0, np.full_like(x0, 50), x0 + 34, np.full_like(x0, 95)], axis=1)
    assert [len(part) for part in split_irregular(row)] == list(groups)


@pytest.mark.parametrize(("count", "keystone"), [(6, 0.1), (6, -0.06), (13, 0.1), (13, 0.06), (13, -0.06), (13, -0.1)])
def test_boxes_seen_from_a_side_are_where_they_are_printed(count: int, keystone: float) -> None:
    """Also the one into whose hole a stroke bites, which is where the others tell."""
    field = BoxField("r01f01", 12.0, 40.0, count, "separate", 7.0, 9.0, 2.0)
    page = scan_form(Layout("card", 148.0, 105.0, (field,)), {}, "clean", DrawnDigits(), np.random.default_rng(1), 200)
    (x0, y0), (x1, y1) = np.rint(page.truth[0].quads[1, [0, 2]]).astype(int)
    page.image[y0:y1, x0 : x0 + (x1 - x0) // 3] = 40
    image, matrix = from_a_side(page, keystone)
    (row,) = [each for each in find_box_rows(image) if len(each.quads) == count]
    true = cv2.perspectiveTransform(page.truth[0].quads.reshape(1, -1, 2), matrix).reshape(-1, 4, 2)
    apart = np.abs(row.quads - true).max(axis=(1, 2))
    assert apart.max() < 0.05 * float(np.ptp(true[0, :, 0]))

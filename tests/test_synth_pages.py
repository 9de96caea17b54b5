"""Whole pages: truth lies on the drawn frames, ink in the cells that have some, every style under every fault."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from scanner.synth import (
    BOX_STYLES,
    EXTRA_STYLES,
    FAULTS,
    BoxField,
    DrawnDigits,
    Layout,
    fill,
    make_page,
    scan,
    write_pages,
)
from scanner.synth.forms import BoxStyle, cell_quads
from scanner.synth.hand import Writer
from scanner.synth.pages import SyntheticPage, scan_form
from scanner.synth.sample_forms import meter_reading, postal_card
from scanner.synth.samples import write_form_samples
from scanner.synth.scanned import move_points

pytestmark = pytest.mark.no_cover  # whole pages: each stage has tests of its own, and being traced takes a quarter more

ALL_STYLES = (*BOX_STYLES, *EXTRA_STYLES)
PEN = Writer(slant=0.1, size=0.6, pen=0.08, color=(20, 20, 20), is_pencil=False, care=0.5, hand=3)


def one_field(style: BoxStyle = "separate", cells: int = 5) -> Layout:
    gap_mm = 2.0 if style in ("separate", "rounded", "open") else 0.0
    field = BoxField("f", 12.0, 15.0, cells, style, 7.0, 9.0, gap_mm=gap_mm, line_mm=0.35, radius_mm=1.0)
    return Layout("one", 70.0, 40.0, (field,))


def gray(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def flattened(image: np.ndarray, quad: np.ndarray, margin: float) -> np.ndarray:
    """The inside of a quad as an upright picture, less a margin of each side."""
    size = 60
    low, high = -margin * size, (1 + margin) * size
    target = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    to_unit = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    cut = np.array([[1, 0, -low], [0, 1, -low], [0, 0, 1]])
    return cv2.warpPerspective(gray(image), cut @ to_unit, (round(high - low),) * 2, borderValue=(255,))


@pytest.mark.parametrize("style", ["separate", "cells", "rounded", "table"])
@pytest.mark.parametrize("fault", ["clean", "scan", "photo", "low", "skew", "upside_down", "sideways", "photo+fax"])
def test_truth_lies_on_the_printed_frames(style: BoxStyle, fault: str) -> None:
    """Along the edges of the true cells the page is darker than just inside of them."""
    layout = one_field(style)
    page = scan_form(layout, {}, fault, DrawnDigits(), np.random.default_rng(1))
    for quad in page.truth[0].quads:
        cell = flattened(page.image, quad, 0.1).astype(float)
        middle = slice(20, 52)
        for turn in range(4):
            profile = np.rot90(cell, turn)[:, middle].mean(axis=1)  # the edge is at row 6 of 72
            assert profile[3:10].min() < profile[12:24].mean() - 15
            assert abs(int(np.argmin(profile[1:13])) + 1 - 6) <= 2


def test_ink_is_in_the_cells_that_have_some_and_in_no_other() -> None:
    layout = one_field()
    filled = fill(layout, {"f": "_38_1"}, DrawnDigits(), np.random.default_rng(2), writer=PEN)
    quads = cell_quads(layout.fields[0], filled.px_per_mm)
    has_ink = [(flattened(filled.image, quad, -0.12) < 128).mean() > 0.02 for quad in quads]
    assert has_ink == [False, True, True, False, True]


def test_values_that_are_short_stand_flush_right_and_blanks_are_left_out() -> None:
    page = scan_form(one_field(), {"f": "042"}, "clean", DrawnDigits(), np.random.default_rng(3))
    assert (page.truth[0].cells, page.truth[0].value) == ("__042", "042")


def test_a_cell_can_be_crossed_out() -> None:
    page = scan_form(one_field(), {"f": "xx123"}, "clean", DrawnDigits(), np.random.default_rng(4))
    assert (page.truth[0].cells, page.truth[0].value) == ("xx123", "123")
    assert (flattened(page.image, page.truth[0].quads[0], -0.12) < 150).mean() > 0.03


@pytest.mark.parametrize("value", ["123456", "12a"])
def test_a_value_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        fill(one_field(), {"f": value}, DrawnDigits(), np.random.default_rng(0))


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="no_such"):
        scan(np.full((20, 20, 3), 255, np.uint8), "clean+no_such", np.random.default_rng(0))


def test_about_an_eighth_of_the_digits_reach_over_their_frame() -> None:
    layout = one_field("separate", 5)
    rng = np.random.default_rng(5)
    over = []
    for _ in range(60):
        filled = fill(layout, {"f": "38562"}, DrawnDigits(), rng, dpi=150, writer=PEN)
        blank = fill(layout, {}, DrawnDigits(), rng, dpi=150, writer=PEN)
        written = np.abs(gray(filled.image).astype(int) - int(gray(filled.image)[0, 0])) > 80
        printed = np.abs(gray(blank.image).astype(int) - int(gray(blank.image)[0, 0])) > 80
        for x0, y0, x1, y1 in cell_quads(layout.fields[0], filled.px_per_mm)[:, [0, 2]].reshape(-1, 4).astype(int):
            around = np.s_[y0 - 6 : y1 + 8, x0 - 5 : x1 + 6]
            outside = (written & ~printed)[around].copy()
            outside[7 : 7 + y1 - y0, 6 : 6 + x1 - x0] = False
            over.append(bool(outside.any()))
    assert 0.04 < np.mean(over) < 0.2


@pytest.mark.parametrize("style", ALL_STYLES)
def test_every_style_and_every_fault_is_rendered(style: BoxStyle) -> None:
    """Each style with a third of the faults, in turn."""
    for fault in list(FAULTS)[ALL_STYLES.index(style) % 3 :: 3]:
        page = make_page(style, fault, 11, 12, DrawnDigits(), dpi=75)
        height, width = page.image.shape[:2]
        assert page.image.dtype == np.uint8
        assert len(page.truth) == len(page.layout.fields)
        for field in page.truth:
            assert field.quads.shape == (len(field.cells), 4, 2)
            assert field.value == field.cells.replace("_", "")
            assert ((field.quads > -0.1 * width) & (field.quads < 1.1 * max(height, width))).all()


def test_the_same_arguments_give_the_same_page() -> None:
    first, again = (make_page("rounded", "photo", 3, 4, DrawnDigits(), dpi=75) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert [f.cells for f in first.truth] == [f.cells for f in again.truth]
    other = make_page("rounded", "photo", 3, 5, DrawnDigits(), dpi=75)
    assert [f.cells for f in other.truth] != [f.cells for f in first.truth]


def test_a_fax_is_black_and_white_and_loses_pale_lines() -> None:
    page = scan_form(one_field("cells"), {}, "fax", DrawnDigits(), np.random.default_rng(6))
    assert set(np.unique(page.image)) <= {0, 255}
    assert page.dpi_xy == pytest.approx((204, 196), abs=1)


def test_faults_compose() -> None:
    page = np.full((300, 200, 3), 255, np.uint8)
    page[50:60, 40:50] = 0
    scanned = scan(page, "sideways+inverted", np.random.default_rng(0), dpi=75)
    assert scanned.image.shape[:2] == (200, 300)
    corner = move_points(scanned.homography, np.array([[[40.0, 50.0]]], np.float32))[0, 0].astype(int)
    assert scanned.image[corner[1], corner[0]].min() == 255
    assert scanned.image[5, 5].max() == 0


def test_turning_twice_is_no_turn() -> None:
    page: SyntheticPage = scan_form(
        one_field(), {"f": "12345"}, "upside_down+upside_down", DrawnDigits(), np.random.default_rng(7)
    )
    straight = cell_quads(one_field().fields[0], 300 / 25.4)
    assert np.abs(page.truth[0].quads - straight).max() < 1e-3


def test_written_pages_come_with_their_truth(tmp_path: Path) -> None:
    write_pages(tmp_path, 3, ("cells", "comb"), ("fax",), 5, DrawnDigits())
    with (tmp_path / "truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    files = sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".csv")
    assert len(files) == 3
    assert sorted({row["file"] for row in rows}) == files
    assert rows[0].keys() == {"file", "page", "field", "value", "cells"}
    assert {row["file"].split("_")[1] for row in rows} == {"cells", "comb"}
    with Image.open(tmp_path / files[0]) as picture:
        assert picture.mode == "1"


def test_samples_are_small_and_complete(tmp_path: Path) -> None:
    write_form_samples(postal_card(), tmp_path / "postal_card")
    write_form_samples(meter_reading(), tmp_path / "meter_reading")
    names = {path.name for path in (tmp_path / "meter_reading").iterdir()}
    assert names == {
        "clean.png",
        "skewed.jpg",
        "fax.tif",
        "photo.jpg",
        "batch.tif",
        "truth.csv",
        "form.toml",
        "form-page1.png",
    }
    assert all(path.stat().st_size < 500_000 for path in tmp_path.rglob("*.*"))
    with Image.open(tmp_path / "meter_reading" / "batch.tif") as batch:
        assert (getattr(batch, "n_frames", 1), batch.mode) == (3, "1")
    with (tmp_path / "meter_reading" / "truth.csv").open(encoding="utf-8") as file:
        pages = {(row["file"], row["page"]) for row in csv.DictReader(file)}
    assert ("batch.tif", "3") in pages


def test_neighboring_seeds_have_no_page_in_common(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_pages(tmp_path / str(seed), 3, ("cells",), ("clean",), seed, DrawnDigits())
    pages = [path.read_bytes() for path in tmp_path.rglob("page*")]
    assert len(set(pages)) == len(pages) == 6


def test_styles_and_faults_meet_each_other_in_turn(tmp_path: Path) -> None:
    write_pages(tmp_path, 6, ("cells", "comb"), ("clean", "scan", "fax"), 5, DrawnDigits())
    met = [path.stem.split("_")[1:] for path in sorted(tmp_path.glob("page*"))]
    assert met[:2] == [["cells", "clean"], ["comb", "scan"]]
    assert len({(style, fault) for style, fault in met}) == 6

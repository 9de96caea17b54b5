"""A form is found on its scans, whatever happened to the sheet, and on no other page."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from scanner.arrays import Gray, Quads
from scanner.register import Print, Reference, Registration, make_reference, register, register_flat
from scanner.register.features import Features, apply, match_features
from scanner.synth import (
    BoxField,
    BoxStyle,
    DrawnDigits,
    Label,
    Layout,
    SyntheticPage,
    random_layout,
    random_values,
    scan_form,
)
from scanner.synth.forms import cell_quads
from scanner.synth.handling import HANDLING

DPI = 150.0
PX_PER_MM = DPI / 25.4
NEAR_MM = 0.5
BLANK_PAGE: Gray = np.full((1200, 900), 255, np.uint8)


def gray(image: np.ndarray) -> Gray:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


@cache
def layout(style: BoxStyle, seed: int = 61) -> Layout:
    return random_layout(style, seed)


@cache
def scanned(form: Layout, fault: str, seed: int = 3) -> SyntheticPage:
    rng = np.random.default_rng(seed)
    return scan_form(form, random_values(form, rng), fault, DrawnDigits(), rng, DPI)


def cells_mm(form: Layout) -> dict[str, Quads]:
    return {field.name: ((cell_quads(field, PX_PER_MM) + 0.5) / PX_PER_MM).astype(np.float32) for field in form.fields}


TO_PAGE = np.array([[PX_PER_MM, 0, -0.5], [0, PX_PER_MM, -0.5], [0, 0, 1]])


@cache
def reference(style: BoxStyle) -> Reference:
    form = layout(style)
    blank = scan_form(form, {}, "clean", DrawnDigits(), np.random.default_rng(0), DPI)
    return make_reference(gray(blank.image), TO_PAGE, cells_mm(form))


def find(page: Gray, form: Reference) -> Registration | None:
    """Both ways agree wherever both find it."""
    print_ = Print(page)
    quick, thorough = (register(print_, form, thoroughly=each) for each in (False, True))
    if quick and thorough:
        assert all(np.abs(quick.quads[name] - quads).max() < 3 for name, quads in thorough.quads.items())
    return quick or thorough


def worst_mm(found: Registration, page: SyntheticPage) -> float:
    worst = 0.0
    for truth, field in zip(page.truth, page.layout.fields, strict=True):
        px_per_mm = np.linalg.norm(truth.quads[0, 1] - truth.quads[0, 0]) / field.cell_width_mm
        worst = max(worst, float(np.linalg.norm(found.quads[field.name] - truth.quads, axis=2).max() / px_per_mm))
    return worst


@pytest.mark.parametrize("fault", [*HANDLING, "upside_down", "sideways", "photo", "photocopy", "rescaled+scan+low"])
def test_boxes_are_found_whatever_happened_to_the_sheet(fault: str) -> None:
    page = scanned(layout("separate"), fault)
    found = find(gray(page.image), reference("separate"))
    assert found is not None
    assert worst_mm(found, page) < NEAR_MM
    assert found.residual_mm < NEAR_MM
    assert found.frames == len(page.truth)


@pytest.mark.parametrize("style", ["cells", "comb", "rounded", "dropout"])
def test_every_style_of_boxes_is_found(style: BoxStyle) -> None:
    page = scanned(layout(style), "scan")
    found = find(gray(page.image), reference(style))
    assert found is not None
    assert worst_mm(found, page) < NEAR_MM


def test_pale_frames_may_vanish_if_the_print_is_all_there() -> None:
    page = scanned(layout("dropout"), "fax")
    found = find(gray(page.image), reference("dropout"))
    assert found is not None
    assert found.frames < len(page.truth) / 2
    assert worst_mm(found, page) < NEAR_MM


def test_a_filled_page_serves_as_reference_too() -> None:
    filled = scanned(layout("separate"), "clean", seed=9)
    from_filled = make_reference(gray(filled.image), TO_PAGE, cells_mm(layout("separate")))
    page = scanned(layout("separate"), "scan")
    found = find(gray(page.image), from_filled)
    assert found is not None
    assert worst_mm(found, page) < NEAR_MM


def test_the_same_print_with_boxes_elsewhere_is_another_form() -> None:
    moved = {name: quads + np.float32([0, 4]) for name, quads in cells_mm(layout("separate")).items()}
    blank = scan_form(layout("separate"), {}, "clean", DrawnDigits(), np.random.default_rng(0), DPI)
    right = reference("separate")
    other = replace(make_reference(gray(blank.image), TO_PAGE, moved), patches=right.patches)
    assert find(gray(scanned(layout("separate"), "scan").image), other) is None


@pytest.mark.parametrize("style", ["separate", "comb", "dropout"])
def test_other_forms_are_not_this_one(style: BoxStyle) -> None:
    for seed in (62, 63):
        assert find(gray(scanned(layout(style, seed), "clean").image), reference(style)) is None


@pytest.mark.parametrize(
    "page",
    [BLANK_PAGE, BLANK_PAGE[:1, :1], 255 - BLANK_PAGE, BLANK_PAGE[:40]],
    ids=["blank", "pixel", "black", "strip"],
)
def test_a_page_without_print_is_no_form(page: Gray) -> None:
    assert find(page, reference("separate")) is None


def test_noise_is_no_form() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 900), np.uint8)
    assert find(noise, reference("separate")) is None


def test_a_mirrored_page_is_no_form() -> None:
    page = gray(scanned(layout("separate"), "clean").image)
    assert find(np.ascontiguousarray(page[:, ::-1]), reference("separate")) is None


def test_a_small_soft_page_is_found_thoroughly() -> None:
    page = gray(scanned(layout("separate"), "photo").image)
    small = np.asarray(cv2.resize(page, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), np.uint8)
    soft = np.asarray(cv2.GaussianBlur(small, (0, 0), 0.5), np.uint8)
    assert register(Print(soft), reference("separate"), thoroughly=False) is None
    assert register(Print(soft), reference("separate"), thoroughly=True) is not None


# --- pages that lie as the form does


@pytest.mark.parametrize("style", ["separate", "cells", "comb"])
@pytest.mark.parametrize("fault", ["clean", "scan", "skew", "low", "photocopy"])
def test_a_page_from_a_feeder_is_found_without_features(style: BoxStyle, fault: str) -> None:
    page = scanned(layout(style), fault)
    found = register_flat(Print(gray(page.image)), reference(style))
    assert found is not None
    assert worst_mm(found, page) < NEAR_MM
    assert found.frames == len(page.truth)


def list_of_rows(text: str) -> Layout:
    fields = tuple(BoxField(f"f{row}", 70.0, 20.0 + 14 * row, 6, "separate", 6.0, 8.0, 2.0) for row in range(12))
    labels = tuple(Label(f"{text} {row + 1}", 15.0, 22.0 + 14 * row, 10) for row in range(12))
    return Layout("rows", 148.0, 210.0, fields, labels)


@pytest.mark.parametrize(("text", "is_found"), [("Reading number", True), ("Cost per hour", False), ("Net", False)])
def test_a_form_of_rows_that_look_alike_is_found_by_its_words(text: str, is_found: bool) -> None:
    """Features of one row are as like those of the next; the same boxes between other words are another form."""
    form = list_of_rows("Reading number")
    blank = scan_form(form, {}, "clean", DrawnDigits(), np.random.default_rng(0), DPI)
    page = scanned(list_of_rows(text), "scan")
    found = register_flat(Print(gray(page.image)), make_reference(gray(blank.image), TO_PAGE, cells_mm(form)))
    assert (found is not None) == is_found
    assert found is None or worst_mm(found, page) < NEAR_MM


@pytest.mark.parametrize("fault", ["upside_down", "sideways", "letter", "photo"])
def test_what_does_not_lie_so_is_left_to_the_features(fault: str) -> None:
    found = register_flat(Print(gray(scanned(layout("separate"), fault).image)), reference("separate"))
    assert found is None or worst_mm(found, scanned(layout("separate"), fault)) < NEAR_MM


@pytest.mark.parametrize("style", ["separate", "cells", "dropout"])
def test_no_other_form_lies_as_this_one(style: BoxStyle) -> None:
    for seed in range(62, 70):
        other = scanned(layout(style, seed), "scan")
        assert register_flat(Print(gray(other.image)), reference(style)) is None, seed


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (40, 30), (1240, 874)])
def test_paper_without_print_lies_nowhere(size: tuple[int, int]) -> None:
    assert register_flat(Print(np.full(size, 255, np.uint8)), reference("separate")) is None


def test_features_that_are_none_match_nothing() -> None:
    none = Features(np.zeros((0, 2)), np.zeros((0, 32), np.uint8), 1.0)
    assert match_features(none, none) is None
    assert match_features(Print(BLANK_PAGE).corners, reference("separate").print_.corners) is None


def test_points_go_there_and_back() -> None:
    matrix = np.array([[1.1, 0.1, 5], [-0.2, 0.9, 3], [1e-4, 2e-4, 1]])
    points = np.random.default_rng(0).uniform(0, 100, (3, 4, 2))
    assert np.allclose(apply(np.linalg.inv(matrix), apply(matrix, points)), points)

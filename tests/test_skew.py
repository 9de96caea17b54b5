"""The skew of a page is what turning it by as much brings back."""

import cv2
import numpy as np
import pytest

from scanner.arrays import Gray, Mask
from scanner.register import estimate_skew
from scanner.synth import DrawnDigits, make_page
from scanner.synth.forms import Decoy, Layout
from scanner.synth.pages import scan_form

TOLERANCE = 0.2  # degrees: 4 pixels over the width of the page


def gray(image: np.ndarray) -> Gray:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def ink_of(page: Gray) -> Mask:
    return np.asarray(cv2.threshold(page, 150, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)


def turned(page: Gray, degrees: float) -> Gray:
    """Clockwise: then the lines of the page fall to the right."""
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return np.asarray(cv2.warpAffine(page, matrix, (width, height), borderValue=(255,)), np.uint8)


@pytest.fixture(scope="module")
def form() -> Gray:
    return gray(make_page("cells", "clean", 1, 1, DrawnDigits(), 75.0).image)


@pytest.fixture(scope="module")
def text() -> Gray:
    layout = Layout("text", 148.0, 210.0, (), decoys=(Decoy("paragraph", 12, 12, 124, 180, 4),))
    return gray(scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(4), 100.0).image)


@pytest.mark.parametrize("degrees", [-11.0, -7.3, -3.0, -1.0, -0.4, 0.0, 0.2, 1.5, 4.0, 8.6, 11.0])
@pytest.mark.parametrize("kind", ["form", "text"])
def test_skew_is_the_angle_a_page_was_turned_by(kind: str, degrees: float, request: pytest.FixtureRequest) -> None:
    page: Gray = request.getfixturevalue(kind)
    assert abs(estimate_skew(ink_of(turned(page, degrees))) - degrees) <= TOLERANCE


@pytest.mark.parametrize("degrees", [-9.0, 5.0])
def test_turning_back_by_the_skew_leaves_none(form: Gray, degrees: float) -> None:
    skewed = turned(form, degrees)
    assert abs(estimate_skew(ink_of(turned(skewed, -estimate_skew(ink_of(skewed)))))) <= TOLERANCE


def test_a_mirrored_page_is_skewed_the_other_way(form: Gray) -> None:
    skewed = turned(form, 4.0)
    assert abs(estimate_skew(ink_of(skewed)) + estimate_skew(ink_of(skewed[:, ::-1].copy()))) <= 2 * TOLERANCE


def test_a_page_on_its_head_has_the_same_skew(form: Gray) -> None:
    skewed = ink_of(turned(form, 3.0))
    assert abs(estimate_skew(skewed) - estimate_skew(np.ascontiguousarray(skewed[::-1, ::-1]))) <= TOLERANCE


def test_dirt_does_not_change_the_skew(form: Gray) -> None:
    skewed = ink_of(turned(form, 2.5))
    dirt = np.random.default_rng(1).random(skewed.shape) < 0.01
    assert abs(estimate_skew(np.where(dirt, 255, skewed).astype(np.uint8)) - 2.5) <= TOLERANCE


def test_one_line_is_enough() -> None:
    ink = np.zeros((400, 600), np.uint8)
    cv2.line(ink, (20, 200), (580, 200 + round(560 * np.tan(np.radians(6)))), (255,), 2)
    assert abs(estimate_skew(ink) - 6) <= TOLERANCE


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 2), (300, 200)])
def test_a_blank_page_has_no_skew(size: tuple[int, int]) -> None:
    assert estimate_skew(np.zeros(size, np.uint8)) == 0.0


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 2), (300, 200)])
def test_the_skew_of_a_black_page_is_some_angle_in_reach(size: tuple[int, int]) -> None:
    assert abs(estimate_skew(np.full(size, 255, np.uint8))) <= 13


def test_a_single_speck_has_some_skew_in_reach() -> None:
    ink = np.zeros((300, 200), np.uint8)
    ink[120, 70] = 255
    assert abs(estimate_skew(ink)) <= 13

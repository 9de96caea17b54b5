"""MNIST form: whatever pen, size, place and paper a digit was written with, it comes out nearly the same."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from scanner.arrays import DIGIT_SIZE, Gray
from scanner.digits import normalize
from scanner.synth import DrawnDigits, Writer

ALIKE = 0.97  # correlation of two normalized digits that are the same but for what normalizing takes away
PEN = Writer(slant=0.1, size=0.6, pen=0.08, color=(20, 20, 20), is_pencil=False, care=0.7, hand=3)
LABELS = range(10)


def ink(label: int, seed: int = 1, pen: float = 0.08) -> npt.NDArray[np.uint8]:
    """(about 100, w), 255 = ink."""
    writer = Writer(PEN.slant, PEN.size, pen, PEN.color, PEN.is_pencil, PEN.care, PEN.hand)
    return DrawnDigits()(label, np.random.default_rng((seed, label)), writer)


def crop(label: int, seed: int = 1, pen: float = 0.08, margin: int = 12) -> Gray:
    """The digit on white paper."""
    return 255 - cv2.copyMakeBorder(ink(label, seed, pen), *(margin,) * 4, cv2.BORDER_CONSTANT, value=(0,))


def correlation(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def center_of_mass(digit: npt.NDArray[np.uint8]) -> tuple[float, float]:
    moments = cv2.moments(digit)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


# --- no ink


@pytest.mark.parametrize("level", [0, 60, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (28, 28), (90, 70)])
def test_a_flat_crop_has_no_digit(size: tuple[int, int], level: int) -> None:
    digit = normalize(np.full(size, level, np.uint8))
    assert digit.shape == (DIGIT_SIZE, DIGIT_SIZE)
    assert digit.dtype == np.uint8
    assert not digit.any()


def test_a_nearly_flat_crop_has_no_digit() -> None:
    grain = np.random.default_rng(1).integers(196, 204, (60, 50), dtype=np.uint8)
    assert not normalize(grain).any()


def test_an_empty_mask_has_no_digit_whatever_the_crop() -> None:
    assert not normalize(crop(5), np.zeros_like(crop(5))).any()


# --- the form


@pytest.mark.parametrize("label", LABELS)
def test_a_digit_is_28_by_28_bright_on_dark(label: int) -> None:
    digit = normalize(crop(label))
    assert digit.shape == (DIGIT_SIZE, DIGIT_SIZE)
    assert digit.dtype == np.uint8
    assert digit.max() > 230
    assert 0.03 < (digit > 127).mean() < 0.35
    assert digit[[0, -1]].max() < 30  # a top-heavy digit reaches down
    assert not digit[:, [0, -1]].any()


@pytest.mark.parametrize("label", LABELS)
def test_the_center_of_mass_is_in_the_middle(label: int) -> None:
    x, y = center_of_mass(normalize(crop(label)))
    assert abs(x - (DIGIT_SIZE - 1) / 2) < 0.6
    assert abs(y - (DIGIT_SIZE - 1) / 2) < 0.6


@pytest.mark.parametrize("label", LABELS)
def test_the_longer_side_is_near_20_pixels(label: int) -> None:
    for seed in range(4):
        _, _, width, height = cv2.boundingRect(np.asarray(normalize(crop(label, seed)) > 127, np.uint8))
        assert 17 <= max(width, height) <= 23


def test_a_wide_mark_is_as_long_as_a_high_one() -> None:
    bar = np.full((60, 160), 255, np.uint8)
    bar[26:34, 20:140] = 0
    level, upright = normalize(bar), normalize(np.ascontiguousarray(bar.T))
    assert correlation(level, upright.T) > ALIKE
    assert 17 <= cv2.boundingRect(level)[2] <= 23


def test_a_digit_that_fills_its_crop_is_cut_nowhere() -> None:
    for label in LABELS:
        assert correlation(normalize(255 - ink(label)), normalize(crop(label))) > 0.93


# --- what is taken away


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("scale", [0.35, 0.6, 1.5, 3.0])
def test_size_is_taken_away(label: int, scale: float) -> None:
    whole = crop(label, margin=20)
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(whole, None, fx=scale, fy=scale, interpolation=smooth), np.uint8)
    assert correlation(normalize(resized), normalize(whole)) > ALIKE


@pytest.mark.parametrize("label", LABELS)
def test_place_is_taken_away(label: int) -> None:
    shifted = np.full((260, 280), 255, np.uint8)
    whole = crop(label)
    shifted[130 : 130 + whole.shape[0], 17 : 17 + whole.shape[1]] = whole
    assert correlation(normalize(shifted), normalize(whole)) > ALIKE


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("pen", [0.05, 0.11])
def test_most_of_the_pen_is_taken_away(label: int, pen: float) -> None:
    """The same path drawn with half and double the pen."""
    thin, thick = normalize(crop(label, pen=pen)), normalize(crop(label, pen=0.08))
    assert correlation(thin, thick) > 0.9
    assert 0.75 < thin.sum() / thick.sum() < 1.33


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("paper", "darkest"), [(255, 120), (200, 60), (150, 90), (120, 80)])
def test_contrast_is_taken_away(label: int, paper: int, darkest: int) -> None:
    whole = crop(label)
    pale = (darkest + whole.astype(np.float32) * (paper - darkest) / 255).astype(np.uint8)
    assert correlation(normalize(pale), normalize(whole)) > 0.95  # the center may round to the next quarter pixel


@pytest.mark.parametrize("label", LABELS)
def test_a_turned_digit_is_turned_and_a_mirrored_one_mirrored(label: int) -> None:
    whole = crop(label)
    digit = normalize(whole)
    assert correlation(normalize(np.ascontiguousarray(np.rot90(whole))), np.rot90(digit)) > 0.93
    assert correlation(normalize(np.ascontiguousarray(whole[:, ::-1])), digit[:, ::-1]) > 0.93


def test_different_digits_stay_different() -> None:
    digits = [normalize(crop(label)) for label in LABELS]
    assert max(correlation(digits[a], digits[b]) for a in LABELS for b in range(a)) < 0.9


def test_what_is_dark_is_ink_and_nothing_flips_it_back() -> None:
    """Light on dark is the wrong polarity: the paper around the digit is the ink then."""
    digit, negative = normalize(crop(3)), normalize(255 - crop(3))
    assert correlation(digit, negative) < 0.5


# --- mask


def test_ink_outside_the_mask_is_left_out() -> None:
    whole = crop(7)
    mask = np.asarray(cv2.threshold(whole, 127, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
    dirty = whole.copy()
    dirty[:4] = 0
    dirty[-6:, -6:] = 0
    assert correlation(normalize(dirty, mask), normalize(whole, mask)) > 0.99


def test_the_mask_of_the_ink_gives_what_no_mask_gives() -> None:
    for label in LABELS:
        whole = crop(label)
        mask = np.asarray(cv2.threshold(whole, 127, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
        assert correlation(normalize(whole, mask), normalize(whole)) > ALIKE


@pytest.mark.parametrize("size", [(height, width) for height in range(1, 6) for width in range(1, 6)])
def test_a_blot_of_a_few_pixels_is_read_without_error(size: tuple[int, int]) -> None:
    """OpenCV takes an array of one pixel, or of four in a column, for a scalar."""
    whole = np.full((40, 40), 255, np.uint8)
    whole[20 : 20 + size[0], 20 : 20 + size[1]] = 0
    assert normalize(whole).shape == (DIGIT_SIZE, DIGIT_SIZE)


def test_a_full_mask_is_read_without_error() -> None:
    assert normalize(np.zeros((30, 30), np.uint8), np.full((30, 30), 255, np.uint8)).shape == (DIGIT_SIZE, DIGIT_SIZE)


def test_the_crop_and_the_mask_stay_as_they_are() -> None:
    whole = crop(4)
    mask = np.asarray(cv2.threshold(whole, 127, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
    before = whole.copy(), mask.copy()
    normalize(whole, mask)
    assert (whole == before[0]).all()
    assert (mask == before[1]).all()


def test_random_crops_of_any_size_give_a_digit_in_mnist_form() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        size = tuple(rng.integers(1, 60, 2))
        digit = normalize(rng.integers(0, 256, size, dtype=np.uint8))
        assert digit.shape == (DIGIT_SIZE, DIGIT_SIZE)
        assert digit.dtype == np.uint8

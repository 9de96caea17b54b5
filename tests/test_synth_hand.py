"""Digits as ink: tight, never empty, different each time, the same for the same seed."""

import cv2
import numpy as np
import pytest

from scanner.synth.hand import (
    DIGIT_HEIGHT_PX,
    FONT_SHARE,
    DataSetDigits,
    DigitSource,
    DrawnDigits,
    pen_like,
    random_writer,
    smooth_path,
    thinned,
    tight_ink,
)
from scanner.synth.sheet import HANDWRITING_FONTS, Ink, text_ink
from scanner.synth.skeletons import RARE_SHAPES, SHAPES


def small_digits() -> DataSetDigits:
    """A data set of our own drawing in MNIST's form: 20 x 20 in a 28 x 28 image."""
    rng = np.random.default_rng(0)
    images = np.zeros((30, 28, 28), np.uint8)
    for number in range(30):
        ink = DrawnDigits()(number % 10, rng)
        images[number] = mnist_like(ink)
    return DataSetDigits(images, np.arange(30) % 10)


def mnist_like(ink: Ink) -> Ink:
    """Shrink by averaging blocks, as MNIST's digits were made."""
    size = 20
    square = np.zeros((max(ink.shape),) * 2, np.float64)
    top, left = (square.shape[0] - ink.shape[0]) // 2, (square.shape[1] - ink.shape[1]) // 2
    square[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    edges = np.linspace(0, len(square), size + 1).astype(int)
    rows = np.add.reduceat(square, edges[:-1], axis=0) / np.diff(edges)[:, None]
    small = np.add.reduceat(rows, edges[:-1], axis=1) / np.diff(edges)[None, :]
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 4:24] = np.rint(small)
    return image


@pytest.fixture(scope="module", params=["drawn", "rare", "data_set"])
def source(request: pytest.FixtureRequest) -> DigitSource:
    return {"drawn": DrawnDigits, "rare": lambda: DrawnDigits(rare=1.0), "data_set": small_digits}[request.param]()


def test_every_digit_is_tight_and_has_ink(source: DigitSource) -> None:
    rng = np.random.default_rng(1)
    for label in range(10):
        for _ in range(8):
            ink = source(label, rng)
            assert ink.dtype == np.uint8
            assert ink.max() > 200
            assert tight_ink(ink).shape == ink.shape
            assert 0.5 * DIGIT_HEIGHT_PX < max(ink.shape) < 2 * DIGIT_HEIGHT_PX
            assert 0.02 < (ink > 127).mean() < 0.95


def test_the_same_seed_writes_the_same_digit(source: DigitSource) -> None:
    first, again = (source(5, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, again)


def test_no_two_digits_are_the_same() -> None:
    rng = np.random.default_rng(4)
    writer = random_writer(rng)
    first, second = (DrawnDigits()(3, rng, writer) for _ in range(2))
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_a_writer_keeps_to_one_shape_of_a_digit() -> None:
    """Crossed sevens stay crossed: ink maps of one person overlap more than those of different people."""
    rng = np.random.default_rng(5)
    writer = random_writer(rng)
    own = [mnist_like(DrawnDigits()(7, rng, writer)).astype(float).ravel() for _ in range(12)]
    others = [mnist_like(DrawnDigits()(7, rng)).astype(float).ravel() for _ in range(12)]
    assert np.corrcoef(own).mean() > np.corrcoef(others).mean()


def test_rare_shapes_are_written_only_where_they_are_asked_for() -> None:
    """A slash through the 0 is what no common shape of it has: ink in its middle."""
    common, mixed, rare = (
        [_middle(DrawnDigits(share)(0, np.random.default_rng(seed))) for seed in range(60)] for share in (0, 0.5, 1.0)
    )
    assert max(common) < 127
    by_fonts = FONT_SHARE * len(rare)
    assert by_fonts / 2 < sum(each < 127 for each in rare) < 2 * by_fonts
    assert sum(each >= 127 for each in mixed) < sum(each >= 127 for each in rare)


def _middle(ink: Ink) -> float:
    height, width = ink.shape
    return float(ink[int(0.45 * height) : int(0.55 * height), int(0.45 * width) : int(0.55 * width)].max())


def test_data_set_digits_come_back_after_shrinking() -> None:
    """Upscaled to pen ink and averaged down again, a digit is the one it was."""
    rng = np.random.default_rng(6)
    for label in range(10):
        original = mnist_like(DrawnDigits()(label, rng))
        again = mnist_like(pen_like(original))
        assert np.corrcoef(original.ravel(), again.ravel())[0, 1] > 0.93


def test_pen_ink_has_sharp_edges() -> None:
    ink = pen_like(mnist_like(DrawnDigits()(8, np.random.default_rng(7))))
    assert ((ink > 40) & (ink < 215)).mean() < 0.12


def test_thinning_narrows_strokes_and_keeps_them_whole() -> None:
    ink = np.zeros((100, 60), np.uint8)
    ink[:, 20:40] = 255
    thin = thinned(ink, 6.0)
    assert (thin > 127).sum() < 0.8 * (ink > 127).sum()
    assert (thin > 127).any(axis=1).all()
    assert np.array_equal(thinned(thin, 30.0), thin)


def test_blank_ink_stays_blank() -> None:
    blank = np.zeros((28, 28), np.uint8)
    assert not pen_like(blank).any()
    assert not thinned(blank, 5.0).any()
    assert tight_ink(blank).shape == blank.shape


def test_thinning_does_not_depend_on_where_in_memory_arrays_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV's exact distances differ in their last bit with the address they are written to."""
    inks = [pen_like(mnist_like(DrawnDigits()(number % 10, np.random.default_rng(number)))) for number in range(40)]
    exact, seen = cv2.distanceTransform, []
    for offset in range(8):

        def distances(mask: Ink, *how: int, start: int = offset) -> np.ndarray:
            room = np.zeros(mask.size + start, np.float32)
            return exact(mask, *how, room[start:].reshape(mask.shape))

        monkeypatch.setattr(cv2, "distanceTransform", distances)
        seen.append([thinned(ink, 6.0) for ink in inks])
    for others in seen[1:]:
        for first, other in zip(seen[0], others, strict=True):
            np.testing.assert_array_equal(other, first)


def test_a_data_set_without_a_digit_says_so() -> None:
    ones = DataSetDigits(np.full((2, 28, 28), 255, np.uint8), np.array([1, 1]))
    with pytest.raises(ValueError, match="no digit 4"):
        ones(4, np.random.default_rng(0))


def test_a_data_set_needs_a_label_for_each_image() -> None:
    with pytest.raises(ValueError, match=r"\(3, 28, 28\)"):
        DataSetDigits(np.zeros((3, 28, 28), np.uint8), np.arange(2))


def test_each_digit_has_several_shapes_that_stay_in_their_box() -> None:
    assert len(SHAPES) == 10
    for shapes in SHAPES:
        assert len(shapes) >= 3
        points = np.concatenate([np.array(stroke) for shape in shapes for stroke in shape])
        assert points.min() >= 0
        assert points.max() <= 1
    assert all(shape not in SHAPES[label] for label, shapes in enumerate(RARE_SHAPES) for shape in shapes)


def test_a_path_goes_through_its_points_and_keeps_corners() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    path = smooth_path(points)
    for point in points:
        assert np.abs(path - point).sum(axis=1).min() < 1e-9
    assert path[:, 0].max() < 1 + 1e-9  # a rounded corner would swing out


def test_fonts_have_all_digits() -> None:
    for name in HANDWRITING_FONTS:
        inks = [tight_ink(text_ink(str(digit), name, 60)) for digit in range(10)]
        assert all(ink.max() > 200 for ink in inks)
        assert len({ink.tobytes() for ink in inks}) == 10

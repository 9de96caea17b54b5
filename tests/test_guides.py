"""What is printed inside cells to guide the pen is no ink; what is written in all of them is."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from scanner.arrays import Gray, Quads
from scanner.cells import CellInk, read_cells_of

CELL, GAP, LEFT, TOP = 60, 16, 40, 40
PAPER, PEN, PALE = 245, 40, 175
STROKES = {  # polylines in parts of a cell; each is written by hand: a little different in every cell
    "0": [(0.5, 0.2), (0.3, 0.35), (0.3, 0.65), (0.5, 0.8), (0.7, 0.65), (0.7, 0.35), (0.5, 0.2)],
    "1": [(0.5, 0.2), (0.5, 0.8)],
    "2": [(0.32, 0.3), (0.5, 0.2), (0.68, 0.35), (0.32, 0.8), (0.7, 0.8)],
    "7": [(0.3, 0.22), (0.7, 0.22), (0.45, 0.8)],
}
FIGURE = [(0.3, 0.2), (0.7, 0.2), (0.7, 0.8), (0.3, 0.8), (0.3, 0.2), (0.3, 0.5), (0.7, 0.5)]  # an 8 of straight lines


def quads_of(texts: Sequence[str]) -> list[Quads]:
    corners = np.array([(0, 0), (CELL, 0), (CELL, CELL), (0, CELL)], np.float32)
    return [
        np.array(
            [corners + np.array((LEFT + column * (CELL + GAP), TOP + row * 2 * CELL)) for column in range(len(text))]
        )
        for row, text in enumerate(texts)
    ]


def page_of(
    texts: Sequence[str], *, guide: int | None, pen: int = PEN, wander: float = 0.0, unrest: float = 1.0
) -> Gray:
    """Rows of frames, a number in each, `_` where nothing is written; `guide`: how light the figures printed are.

    They lie `wander` pixels off; the larger the `unrest`, the less alike are two digits.
    """
    by_hand, in_print, rows = np.random.default_rng(4), np.random.default_rng(5), quads_of(texts)
    wide = max(int(row.max()) for row in rows)
    page = np.full((TOP + len(texts) * 2 * CELL, wide + LEFT), PAPER, np.uint8)
    for text, row in zip(texts, rows, strict=True):
        for character, quad in zip(text, row, strict=True):
            cv2.polylines(page, [quad.astype(np.int32)], True, (120,), 2)
            if guide is not None:
                _draw(page, np.array(FIGURE) * CELL + quad[0] + in_print.uniform(-wander, wander, 2), guide, 2)
            if character in STROKES:
                points = np.array(STROKES[character]) + by_hand.normal(0, 0.025 * unrest, (len(STROKES[character]), 2))
                _draw(page, points * CELL + quad[0] + by_hand.uniform(-3 * unrest, 3 * unrest, 2), pen, 4)
    return cv2.GaussianBlur(page, (3, 3), 0)


def _draw(page: Gray, points: npt.NDArray[np.float64], level: int, thick: int) -> None:
    layer = np.full_like(page, 255)
    cv2.polylines(layer, [np.rint(points * 8).astype(np.int32)], False, (level,), thick, cv2.LINE_AA, 3)
    np.minimum(page, layer, out=page)


def read(texts: Sequence[str], page: Gray) -> list[CellInk]:
    return read_cells_of(page, quads_of(texts), [1.0] * len(texts), are_boxes=True)


def alike(one: CellInk, other: CellInk) -> float:
    return float(np.corrcoef(one.digits.ravel(), other.digits.ravel())[0, 1])


@pytest.mark.parametrize("texts", [["_12", "_07", "127"], ["210", "027", "172"], ["______12"], ["__1", "__0"] * 9])
@pytest.mark.parametrize(("guide", "wander"), [(220, 3.0), (PALE, 3.0), (150, 0.0)])
def test_figures_printed_in_boxes_are_no_ink(texts: list[str], guide: int, wander: float) -> None:
    plain = read(texts, page_of(texts, guide=None))
    with_figures = read(texts, page_of(texts, guide=guide, wander=wander))
    for text, one, other in zip(texts, plain, with_figures, strict=True):
        assert other.is_blank.tolist() == [character == "_" for character in text]
        assert alike(one, other) > 0.8 if one.digits.any() else not other.digits.any()


@pytest.mark.parametrize("text", ["0", "1", "2", "7"])
@pytest.mark.parametrize("pen", [PEN, PALE, 215])
def test_the_same_digit_in_every_box_stays(text: str, pen: int) -> None:
    texts = [text * 4] * 3
    for ink in read(texts, page_of(texts, guide=None, pen=pen)):
        assert not ink.is_blank.any()
        assert min(np.count_nonzero(digit) for digit in ink.digits) > 35


@pytest.mark.parametrize("text", ["0", "2", "7"])
@pytest.mark.parametrize("dark", ["0", "2", "7"])
@pytest.mark.parametrize("unrest", [1.0, 0.3])
def test_a_pale_digit_in_every_box_but_those_of_another_pen_stays(text: str, dark: str, unrest: float) -> None:
    """The pencil's digits lie on one another, and are paler than the pen; but beside the pen's there are none."""
    texts = [text * 4] * 3
    page = page_of(texts, guide=None, pen=PALE, unrest=unrest)
    first = page_of([dark * 4], guide=None, unrest=unrest)
    page[: TOP + CELL, : first.shape[1]] = first[: TOP + CELL]
    assert not any(ink.is_blank.any() for ink in read(texts, page))


def test_in_few_boxes_nothing_can_be_told_from_writing() -> None:
    ink = read(["_12"], page_of(["_12"], guide=PALE))[0]
    assert not ink.is_blank[0]

"""Which rows of boxes are digit fields, by what the network says of their cells (here: what the test says)."""

import numpy as np
import numpy.typing as npt
import pytest

from scanner.arrays import DIGIT_SIZE, Quads
from scanner.boxes import BoxRow
from scanner.cells import CellInk
from scanner.content import RowReading, digit_likeness, keep_digit_rows

CLASSES = "0123456789x?"
HAND = (0.22, 0.15, 0.75, 0.85)  # bounding box of the ink in parts of the cell, give or take


def quads_of(count: int, x: float, y: float, width: float, height: float, gap: float) -> Quads:
    left = x + np.arange(count) * (width + gap)
    corners = ((left, y), (left + width, y), (left + width, y + height), (left, y + height))
    return np.stack([np.stack([cx, np.full(count, cy)], axis=1) for cx, cy in corners], axis=1).astype(np.float32)


def scores_of(cells: str, sure: float) -> npt.NDArray[np.float32]:
    """Each written cell its character with `sure` probability; the rest is spread evenly."""
    scores = np.zeros((len(cells), len(CLASSES)), np.float32)
    for cell, character in enumerate(cells):
        if character != "_":
            scores[cell] = (1 - sure) / (len(CLASSES) - 1)
            scores[cell, CLASSES.index(character)] = sure
    return scores


def row(
    cells: str,
    y: float = 100.0,
    *,
    x: float = 50.0,
    size: tuple[float, float] = (40.0, 52.0),
    sure: float = 0.99,
    extent: tuple[float, float, float, float] = HAND,
    wander: float = 0.08,
    is_print: bool = False,
    side_share: float = 1.0,
) -> RowReading:
    """A row of boxes with handwriting in the cells that are not `_`; print is the same in all of them."""
    rng = np.random.default_rng((len(cells), round(x), round(y)))
    is_blank = np.array([character == "_" for character in cells])
    digits = rng.integers(0, 256, (len(cells), DIGIT_SIZE, DIGIT_SIZE), dtype=np.uint8)
    if is_print:
        digits[:] = np.random.default_rng(1).integers(0, 256, digits.shape[1:], dtype=np.uint8)
    extents = (np.array(extent) + rng.normal(0, wander, (len(cells), 4))).astype(np.float32)
    digits[is_blank], extents[is_blank] = 0, 0
    quads = quads_of(len(cells), x, y, *size, gap=8.0)
    no = np.zeros(len(is_blank), np.bool_)
    return RowReading(
        BoxRow(quads, side_share),
        CellInk(digits, is_blank, extents, no, np.stack([no, no], axis=1), no),
        scores_of(cells, sure),
    )


def kept(*rows: RowReading) -> list[bool]:
    """For each row whether it is kept."""
    result = keep_digit_rows(rows, CLASSES)
    assert len(result) == len({id(each) for each in result})
    return [any(each is one for each in result) for one in rows]


def test_no_rows_give_no_rows() -> None:
    assert keep_digit_rows([], CLASSES) == []


# --- what is in the cells


@pytest.mark.parametrize(
    "cells", ["12", "0", "3141592", "__7", "4__", "_1_2", "88_888", "1111", "12x4", "xxxx", "xx__"]
)
def test_rows_of_digits_and_crosses_are_kept(cells: str) -> None:
    assert kept(row(cells)) == [True]


@pytest.mark.parametrize("cells", ["??", "????????", "_?_", "1????", "?1?", "x??"])
def test_rows_of_letters_are_dropped(cells: str) -> None:
    assert kept(row(cells)) == [False]


def test_one_unreadable_cell_does_not_lose_the_others() -> None:
    assert kept(row("1234?")) == [True]


@pytest.mark.parametrize("cells", ["x", "__x__", "x____"])
def test_a_single_cross_is_a_ticked_check_box(cells: str) -> None:
    assert kept(row(cells)) == [False]


def test_rows_of_which_the_network_knows_nothing_are_dropped() -> None:
    assert kept(row("31415", sure=0.2)) == [False]


def test_a_comb_must_be_read_more_surely_than_boxes() -> None:
    """An underlined word makes a comb more easily than boxes."""
    assert kept(row("31415", sure=0.75), row("31415", 300, sure=0.75, side_share=0.35)) == [True, False]
    assert kept(row("31415", side_share=0.35)) == [True]


def test_print_repeats_and_hands_do_not() -> None:
    assert kept(row("00000", is_print=True)) == [False]
    assert kept(row("00000")) == [True]


def test_printed_letters_that_stand_all_over_the_page_are_dropped() -> None:
    assert kept(*(row("00", y, is_print=True) for y in range(100, 600, 100))) == [False] * 5


def test_all_ones_are_alike_and_no_print_for_that() -> None:
    assert kept(row("11111", is_print=True)) == [True]


def test_bubbles_of_one_size_at_one_place_are_dropped() -> None:
    bubbles = row("0808080", extent=(0.25, 0.3, 0.75, 0.7), wander=0.004)
    assert kept(bubbles) == [False]


def test_two_digits_of_one_size_at_one_place_are_no_bubbles() -> None:
    assert kept(row("08", wander=0.004)) == [True]


def test_captions_set_small_on_one_line_are_dropped() -> None:
    captions = row("123456", extent=(0.3, 0.4, 0.55, 0.75), wander=0.0)
    captions.ink.extent[:, 2] += np.linspace(0, 0.3, 6)  # of different widths
    assert kept(captions) == [False]


def test_marks_that_are_small_in_their_cells_are_dropped() -> None:
    assert kept(row("1234", extent=(0.4, 0.4, 0.6, 0.62), wander=0.05)) == [False]


# --- empty rows


def test_an_empty_row_like_a_read_one_is_kept() -> None:
    assert kept(row("1234"), row("____", 300)) == [True, True]
    assert kept(row("1234"), row("________", 300)) == [True, True]
    assert kept(row("1234"), row("____", 300, size=(44.0, 48.0))) == [True, True]


def test_an_empty_row_alone_is_dropped() -> None:
    assert kept(row("____"), row("___", 300)) == [False, False]


def test_an_empty_row_beside_letters_is_dropped() -> None:
    assert kept(row("????"), row("____", 300)) == [False, False]


@pytest.mark.parametrize("size", [(80.0, 104.0), (18.0, 24.0), (120.0, 52.0), (40.0, 20.0), (12.0, 52.0)])
def test_an_empty_row_of_another_size_is_dropped(size: tuple[float, float]) -> None:
    assert kept(row("1234"), row("____", 300, size=size)) == [True, False]


def test_an_empty_table_as_squat_as_a_read_row_is_no_field() -> None:
    assert kept(row("1234", size=(90.0, 52.0)), row("____", 300, size=(90.0, 52.0))) == [True, False]


# --- rows on each other


def test_of_rows_on_each_other_the_one_that_reads_best_is_kept() -> None:
    better, worse = row("1234"), row("12?4", 110)
    assert kept(better, worse) == [True, False]
    assert kept(worse, better) == [False, True]


def test_of_rows_on_each_other_the_one_with_more_digits_is_kept() -> None:
    assert kept(row("12"), row("123456", 105)) == [False, True]


def test_an_empty_row_on_a_read_one_is_dropped() -> None:
    assert kept(row("1234"), row("____", 110)) == [True, False]


def test_of_empty_rows_on_each_other_one_is_kept() -> None:
    assert sorted(kept(row("1234"), row("____", 300), row("___", 305))) == [False, True, True]


def test_rows_that_share_a_line_are_apart() -> None:
    assert kept(row("1234"), row("5678", 152), row("90", 204)) == [True, True, True]


def test_rows_side_by_side_are_apart() -> None:
    assert kept(row("1234"), row("5678", x=300)) == [True, True]


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [row("1234"), row("12?4", 110), row("____", 300), row("????", 500), row("77", 700), row("_____", 705)]
    forward, backward = kept(*rows), kept(*rows[::-1])
    assert forward == backward[::-1] == [True, False, True, False, True, False]


def test_the_readings_stay_as_they_are() -> None:
    reading = row("12_4")
    before = reading.scores.copy(), reading.row.quads.copy(), reading.ink.extent.copy()
    (same,) = keep_digit_rows([reading], CLASSES)
    assert same is reading
    assert (reading.scores == before[0]).all()
    assert (reading.row.quads == before[1]).all()
    assert (reading.ink.extent == before[2]).all()


# --- likeness


def test_likeness_is_the_mean_probability_to_be_no_junk() -> None:
    assert digit_likeness(row("12_4", sure=1.0), CLASSES) == pytest.approx(1.0)
    assert digit_likeness(row("1?_?", sure=1.0), CLASSES) == pytest.approx(1 / 3)
    assert digit_likeness(row("xx", sure=1.0), CLASSES) == pytest.approx(1.0)
    assert digit_likeness(row("1?", sure=0.89), CLASSES) == pytest.approx((0.99 + 0.11) / 2)

"""Scores to numbers: characters, confidence, what is accepted and why not, and names in reading order."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scanner.arrays import Quads
from scanner.cells import CellInk
from scanner.fields import (
    BLANK_CONFIDENCE,
    REASONS,
    FieldReading,
    Policy,
    decode,
    judge,
    make_field,
    name_in_reading_order,
)
from scanner.network import SELDOM, in_fields

CLASSES = "0123456789x?"
ANY = Policy(min_digit=0.0)


def scores_of(cells: str, sure: float = 1.0) -> npt.NDArray[np.float32]:
    """The rest is spread over the digits and the cross."""
    scores = np.full((len(cells), len(CLASSES)), (1 - sure) / (len(CLASSES) - 2), np.float32)
    scores[:, CLASSES.index("?")] = 0
    for cell, character in enumerate(cells):
        scores[cell, CLASSES.index(character) if character != "_" else 0] = sure
    return scores


def is_blank(cells: str) -> npt.NDArray[np.bool_]:
    return np.array([character == "_" for character in cells])


def ink_of(
    cells: str, *, runs_on: bool = False, on_frame: bool = False, touched: tuple[int, int] | None = None
) -> CellInk:
    count = len(cells)
    touches = np.zeros((count, 2), np.bool_)
    if touched:
        touches[touched] = True
    return CellInk(
        digits=np.zeros((count, 28, 28), np.uint8),
        is_blank=is_blank(cells),
        extent=np.zeros((count, 4), np.float32),
        on_frame=np.full(count, on_frame),
        touches=touches,
        runs_on=np.full(count, runs_on),
    )


def quads_of(
    count: int, x: float = 0.0, y: float = 0.0, width: float = 40.0, height: float = 50.0, degrees: float = 0.0
) -> Quads:
    """Adjoining cells from (x, y) on, on a page turned clockwise about its corner."""
    left = x + np.arange(count) * width
    corners = ((left, y), (left + width, y), (left + width, y + height), (left, y + height))
    flat = np.stack([np.stack([cx, np.full(count, cy)], axis=1) for cx, cy in corners], axis=1)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (flat @ np.array([[cosine, sine], [-sine, cosine]])).astype(np.float32)


def field(cells: str, sure: float = 1.0, policy: Policy = ANY, quads: Quads | None = None) -> FieldReading:
    place = quads_of(len(cells)) if quads is None else quads
    return make_field("r01f01", scores_of(cells, sure), ink_of(cells), place, CLASSES, policy)


# --- decoding


def test_each_cell_becomes_its_most_probable_character() -> None:
    cells, confidences = decode(scores_of("059x?_", 0.9), is_blank("059x?_"), CLASSES)
    assert cells == "059x?_"
    assert confidences == pytest.approx([0.9, 0.9, 0.9, 0.9, 0.9, BLANK_CONFIDENCE])


def test_a_blank_cell_is_blank_whatever_its_scores_say() -> None:
    cells, confidences = decode(scores_of("77"), np.array([True, False]), CLASSES)
    assert cells == "_7"
    assert confidences[0] == pytest.approx(BLANK_CONFIDENCE)


def test_no_cells_are_no_characters() -> None:
    cells, confidences = decode(np.zeros((0, len(CLASSES)), np.float32), np.zeros(0, np.bool_), CLASSES)
    assert cells == ""
    assert len(confidences) == 0


def test_classes_may_come_in_another_order() -> None:
    scores = np.eye(12, dtype=np.float32)
    assert decode(scores, np.zeros(12, np.bool_), "?x9876543210")[0] == "?x9876543210"


# --- status and reason


@pytest.mark.parametrize(
    ("cells", "status", "reason"),
    [
        ("1234", "accepted", ""),
        ("0007", "accepted", ""),
        ("__42", "accepted", ""),
        ("42__", "accepted", ""),
        ("_42_", "accepted", ""),
        ("x42", "accepted", ""),
        ("42xx", "review", "crossed_out"),
        ("_x42", "accepted", ""),
        ("5", "accepted", ""),
        ("____", "blank", ""),
        ("_", "blank", ""),
        ("xxxx", "review", "crossed_out"),
        ("_xx_", "review", "crossed_out"),
        ("12?4", "review", "unreadable_digit"),
        ("?", "review", "unreadable_digit"),
        ("1_?2", "review", "unreadable_digit"),
        ("_?__", "review", "unreadable_digit"),
        ("1_2", "review", "gap"),
        ("_1__2", "review", "gap"),
        ("1x2", "review", "gap"),
        ("1_x2", "review", "gap"),
    ],
)
def test_status_and_reason_follow_from_the_cells(cells: str, status: str, reason: str) -> None:
    assert judge(cells, np.ones(len(cells)), Policy(min_digit=0.9, min_field=0.9)) == (status, reason)
    result = field(cells)
    assert (result.status, result.reason) == (status, reason)


def test_digits_that_touch_are_the_reason_only_of_what_is_not_sure() -> None:
    quads = np.zeros((2, 4, 2), np.float32)
    ink = CellInk(
        np.zeros((2, 28, 28), np.uint8), np.zeros(2, bool), np.zeros((2, 4), np.float32), np.zeros(2, bool),
        np.zeros((2, 2), bool), np.zeros(2, bool),
    )  # fmt: skip
    for sure, status, reason in ((0.99, "accepted", ""), (0.7, "review", "touching_digits")):
        scores = np.full((2, 12), (1 - sure) / 11, np.float32)
        scores[:, 3] = sure
        made = make_field("n", scores, ink, quads, "0123456789x?", Policy(0.9), touching=True)
        assert (made.cells, made.status, made.reason) == ("33", status, reason)


def test_every_reason_is_explained() -> None:
    reasons = {judge(cells, np.full(len(cells), 0.5), Policy(0.9))[1] for cells in ("12", "1?", "1_2", "xx")}
    of_forms = {
        "check_failed",
        "box_not_found",
        "code_not_found",
        "missing",
        "not_unique",
        "several_marks",
        "taken_back",
        "doubtful_mark",
    }
    assert reasons | {"cut_off", "runs_on", "ink_on_frame", "touching_digits"} | of_forms == set(REASONS)
    assert all(REASONS.values())


def test_a_number_whose_row_goes_on_is_not_accepted() -> None:
    sure = make_field("f", scores_of("12"), ink_of("12"), quads_of(2), CLASSES, ANY, goes_on=True)
    assert (sure.status, sure.reason, sure.value) == ("review", "cut_off", "12")
    gap = make_field("f", scores_of("1?"), ink_of("1?"), quads_of(2), CLASSES, ANY, goes_on=True)
    assert gap.reason == "unreadable_digit"


def test_a_stroke_that_runs_on_is_looked_at_by_a_person() -> None:
    sure = make_field("f", scores_of("11"), ink_of("11", runs_on=True), quads_of(2), CLASSES, ANY)
    assert (sure.status, sure.reason, sure.value) == ("review", "runs_on", "11")


@pytest.mark.parametrize(
    ("cells", "touched", "status"),
    [("12", (0, 0), "review"), ("12", (0, 1), "accepted"), ("27", (1, 1), "review"), ("27", (1, 0), "accepted")],
)
def test_a_stroke_hidden_in_the_frame_is_feared(cells: str, touched: tuple[int, int], status: str) -> None:
    """A 1 may be a 7 whose bar lies in the upper line, a 7 a 2 whose foot lies in the lower one."""
    field = make_field("f", scores_of(cells), ink_of(cells, touched=touched), quads_of(2), CLASSES, ANY)
    assert field.status == status


def test_a_blank_cell_with_a_stroke_on_its_frame_is_looked_at_by_a_person() -> None:
    sure = make_field("f", scores_of("1_"), ink_of("1_", on_frame=True), quads_of(2), CLASSES, ANY)
    assert (sure.status, sure.reason) == ("review", "ink_on_frame")


def test_one_unsure_digit_sends_the_number_to_review() -> None:
    policy = Policy(min_digit=0.99)
    assert judge("123", np.array([0.995, 0.98, 0.999]), policy) == ("review", "low_confidence")
    assert judge("123", np.array([0.995, 0.99, 0.999]), policy) == ("accepted", "")


def test_many_fairly_sure_digits_are_an_unsure_number() -> None:
    policy = Policy(min_digit=0.0, min_field=0.95)
    assert judge("12", np.full(2, 0.98), policy) == ("accepted", "")
    assert judge("123", np.full(3, 0.98), policy) == ("review", "low_confidence")


def test_an_unsure_blank_number_is_blank_all_the_same() -> None:
    assert judge("___", np.full(3, BLANK_CONFIDENCE), Policy(min_digit=1.0)) == ("blank", "")


def test_what_is_unreadable_comes_before_what_is_unsure() -> None:
    assert judge("1?", np.full(2, 0.3), Policy(min_digit=0.99)) == ("review", "unreadable_digit")


@given(cells=st.text("0123456789_x?", min_size=1, max_size=9), level=st.floats(0, 1), limit=st.floats(0, 1))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_a_stricter_policy_accepts_nothing_more(cells: str, level: float, limit: float) -> None:
    confidences = np.full(len(cells), level)
    loose = judge(cells, confidences, Policy(min_digit=limit / 2))[0]
    strict = judge(cells, confidences, Policy(min_digit=limit))[0]
    assert strict == loose or (loose, strict) == ("accepted", "review")


# --- fields


def test_an_empty_row_that_goes_on_is_not_blank() -> None:
    scores = np.zeros((2, len(CLASSES)), np.float32)
    for goes_on, told in ((False, ("blank", "")), (True, ("review", "cut_off"))):
        made = make_field("f", scores, ink_of("__"), quads_of(2), CLASSES, ANY, goes_on=goes_on)
        assert (made.status, made.reason) == told


def test_in_a_field_what_may_be_a_digit_is_one_rather_than_no_digit() -> None:
    scores = np.zeros((2, len(CLASSES)), np.float32)
    scores[:, [CLASSES.index("4"), CLASSES.index("?")]] = [(0.4, 0.6), (0.02, 0.98)]
    made = make_field("f", scores, ink_of("44"), quads_of(2), CLASSES, ANY)
    assert made.cells == "4?"
    digit, junk = 0.4 / (0.4 + SELDOM * 0.6), SELDOM * 0.98 / (SELDOM * 0.98 + 0.02)
    assert made.digit_confidences == pytest.approx([digit, junk], abs=1e-4)
    without_boxes = make_field("f", scores, ink_of("44"), quads_of(2), CLASSES, ANY, is_boxed=False)
    assert without_boxes.cells == "??"  # what is told of those has weighed it already


@pytest.mark.parametrize(
    ("cells", "second", "runner_up"),
    [
        ("12", {(1, "7"): 0.3}, "17"),
        ("12", {(0, "7"): 0.2, (1, "7"): 0.1}, "72"),
        ("12", {(1, "?"): 0.3, (0, "4"): 0.1}, "42"),  # that it is no digit helps nobody
        ("1?", {(1, "8"): 0.001}, "18"),
        ("_5", {(1, "x"): 0.2}, "_x"),
        ("__", {}, ""),
    ],
)
def test_what_else_it_may_be(cells: str, second: dict[tuple[int, str], float], runner_up: str) -> None:
    scores = np.full((len(cells), len(CLASSES)), 1e-6, np.float32)
    for place, cell in enumerate(cells):
        if cell != "_":
            scores[place, CLASSES.index(cell)] = 0.98
    for (place, cell), part in second.items():
        scores[place, CLASSES.index(cell)] = part
    made = make_field("f", scores, ink_of(cells), quads_of(len(cells)), CLASSES, ANY)
    assert (made.cells, made.runner_up) == (cells, runner_up)


@given(cells=st.text("0123456789_x?", min_size=1, max_size=12), sure=st.floats(0.2, 1.0))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_a_field_says_of_every_cell_what_it_is_and_how_sure(cells: str, sure: float) -> None:
    assume("?" not in cells or sure > 0.5)  # else it is rather a digit
    result = field(cells, sure)
    assert result.cells == cells
    assert result.value == "".join(character for character in cells if character.isdigit())
    assert len(result.digit_confidences) == len(result.cell_quads) == len(cells)
    assert all(0 <= each <= 1 for each in result.digit_confidences)
    looks = in_fields(scores_of(cells, sure), CLASSES).max(axis=1)
    exact = np.prod([BLANK_CONFIDENCE if each == "_" else look for each, look in zip(cells, looks, strict=True)])
    assert result.confidence == pytest.approx(float(exact), abs=6e-5)
    assert result.status in ("accepted", "review", "blank")
    assert (result.reason in REASONS) == (result.status == "review")


def test_leading_zeros_are_kept() -> None:
    assert field("00420").value == "00420"
    assert field("__00420").value == "00420"


def test_blanks_and_crosses_are_left_out_of_the_value() -> None:
    assert field("_x12_").value == "12"
    assert field("____").value == ""


def test_confidences_have_four_decimals() -> None:
    result = field("123", 0.98765432)
    assert result.digit_confidences == (0.9877, 0.9877, 0.9877)
    assert result.confidence == 0.9634  # of the exact probabilities, not of the rounded ones


def test_the_limit_holds_for_the_exact_confidence_not_for_the_rounded_one() -> None:
    assert field("1", 0.98996, Policy(min_digit=0.99)).status == "review"
    assert field("1", 0.98996).confidence == 0.99


def test_the_name_is_passed_on() -> None:
    quads = quads_of(1)
    assert make_field("amount", scores_of("1"), ink_of("1"), quads, CLASSES, ANY).name == "amount"


@pytest.mark.parametrize("degrees", [-8.0, 0.0, 3.5])
def test_the_box_holds_all_cells_and_no_more(degrees: float) -> None:
    quads = quads_of(5, 100.3, 220.8, degrees=degrees)
    x, y, width, height = field("12345", quads=quads).box_xywh
    low, high = quads.min(axis=(0, 1)), quads.max(axis=(0, 1))
    assert x <= low[0] < x + 1
    assert y <= low[1] < y + 1
    assert x + width - 1 < high[0] <= x + width
    assert y + height - 1 < high[1] <= y + height


def test_cells_keep_their_corners() -> None:
    quads = quads_of(3, 10.0, 20.0, degrees=2.0)
    assert np.allclose(np.array(field("123", quads=quads).cell_quads), quads)


def test_a_field_is_made_of_plain_values() -> None:
    """So that it can be pickled, compared and written as JSON."""
    result = field("12_")
    assert all(type(each) is int for each in result.box_xywh)
    assert all(type(each) is float for each in (result.confidence, *result.digit_confidences))
    assert all(type(each) is float for quad in result.cell_quads for corner in quad for each in corner)
    assert result == field("12_")
    assert hash(result) == hash(field("12_"))


# --- names


def names(places: list[Quads]) -> dict[int, str]:
    named = name_in_reading_order(places)
    assert sorted(index for index, _ in named) == list(range(len(places)))
    return dict(named)


def form(degrees: float = 0.0) -> list[Quads]:
    """Two columns, the second a little lower than the first; a wide field below; in no order."""
    places = [(3, 600, 118), (5, 100, 100), (4, 100, 300), (2, 600, 306), (9, 150, 600)]
    return [quads_of(count, x, y, degrees=degrees) for count, x, y in places]


@pytest.mark.parametrize("degrees", [-10.0, -3.0, 0.0, 1.0, 6.0, 10.0])
def test_names_are_the_same_on_a_skewed_page(degrees: float) -> None:
    assert names(form(degrees)) == {1: "r01f01", 0: "r01f02", 2: "r02f01", 3: "r02f02", 4: "r03f01"}


def test_no_fields_have_no_names() -> None:
    assert name_in_reading_order([]) == []


def test_a_single_field_is_the_first_of_the_first_row() -> None:
    assert names([quads_of(1, 500, 900)]) == {0: "r01f01"}


def test_fields_of_one_row_are_counted_from_the_left() -> None:
    assert names([quads_of(2, x, 50) for x in (700, 100, 400)]) == {1: "r01f01", 2: "r01f02", 0: "r01f03"}


def test_fields_below_each_other_are_rows_from_the_top() -> None:
    assert names([quads_of(2, 100, y) for y in (700, 100, 400)]) == {1: "r01f01", 2: "r02f01", 0: "r03f01"}


def test_the_rows_of_a_table_that_share_their_lines_are_rows() -> None:
    assert names([quads_of(2, 100, y) for y in (100, 150, 200)]) == {0: "r01f01", 1: "r02f01", 2: "r03f01"}


def test_fields_of_other_heights_with_their_middles_on_a_line_are_one_row() -> None:
    places = [quads_of(3, 100, 100, height=60), quads_of(3, 500, 110, height=40)]
    assert names(places) == {0: "r01f01", 1: "r01f02"}


def test_the_order_in_which_fields_are_found_does_not_matter() -> None:
    places = form(2.0)
    forward = names(places)
    backward = names(places[::-1])
    assert forward == {len(places) - 1 - index: name for index, name in backward.items()}


def test_names_come_in_reading_order() -> None:
    named = [name for _, name in name_in_reading_order(form())]
    assert named == sorted(named)


def test_names_sort_as_text_up_to_99_rows() -> None:
    places = [quads_of(1, 10, 60.0 * row) for row in range(99)]
    named = [name for _, name in name_in_reading_order(places)]
    assert named == sorted(named)
    assert named[-1] == "r99f01"

"""Decoding under rules: doubtful digits are settled, sure ones never repaired."""

import itertools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.arrays import Scores
from scanner.decode import Alternatives, Candidate, best_first, cell_alternatives, decode_field
from scanner.form.equations import parse_equation
from scanner.form.model import FormField
from scanner.form.rules import FieldRule, field_rule
from scanner.together import decode_together

CLASSES = "0123456789x?"
FREE = FieldRule(lambda number: True, 1.0, None, is_bound=False)
LUHN = field_rule(FormField(name="a", x_mm=0, y_mm=0, cells=8, cell_width_mm=5, cell_height_mm=7, check="luhn"), Path())
VALID, SLIPPED = "79927398", "79927391"


def scores(text: str, doubts: dict[int, tuple[str, float]] | None = None, sure: float = 0.9998) -> Scores:
    """Sure of `text`; `doubts`: at a place, another character with this probability."""
    rows = np.full((len(text), len(CLASSES)), (1 - sure) / (len(CLASSES) - 1), np.float32)
    for place, character in enumerate(text):
        rows[place, CLASSES.index(character)] = sure
        if doubts and place in doubts:
            other, part = doubts[place]
            rows[place] = 0
            rows[place, [CLASSES.index(character), CLASSES.index(other)]] = 1 - part, part
    return rows


def cells(text: str, doubts: dict[int, tuple[str, float]] | None = None) -> list[Alternatives]:
    is_blank = np.array([character == "_" for character in text])
    return cell_alternatives(scores(text.replace("_", "0"), doubts), is_blank, CLASSES, 0.999)


def means(text: str) -> str | None:
    return None if "?" in text else "".join(character for character in text if character.isdigit())


def decode(text: str, rule: FieldRule, doubts: dict[int, tuple[str, float]] | None = None) -> list[Candidate]:
    return decode_field(cells(text, doubts), rule, means)


@given(st.lists(st.lists(st.floats(-20, 0), min_size=1, max_size=4).map(lambda row: sorted(row)[::-1]), max_size=4))
def test_best_first_gives_every_choice_once_in_falling_order(options: list[list[float]]) -> None:
    found = list(best_first(options))
    assert sorted(choice for choice, _ in found) == sorted(itertools.product(*(range(len(row)) for row in options)))
    logs = [log for _, log in found]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(logs))
    for choice, log in found:
        assert log == pytest.approx(sum(row[index] for row, index in zip(options, choice, strict=True)), abs=1e-9)


def test_alternatives_of_a_cell_are_probabilities() -> None:
    for options in cells("1_?"):
        assert sum(math.exp(log) for _, log in options) == pytest.approx(1, abs=1e-4)
        assert [log for _, log in options] == sorted((log for _, log in options), reverse=True)


def test_only_what_looks_unreadable_may_be_read_so() -> None:
    legible, _, unreadable = cells("1_?")
    assert "?" not in dict(legible)
    assert unreadable[0][0] == "?"


def test_without_a_rule_the_reading_is_what_it_looks_like() -> None:
    best = decode("12_45", FREE)[0]
    assert best.cells == "12_45"
    assert best.is_valid
    assert best.probability == pytest.approx(0.999 * 0.9988**4, abs=0.002)


def test_no_cells_read_as_nothing() -> None:
    assert decode_field([], FREE, means) == [Candidate("", 1.0, True)]


def test_a_rule_settles_a_doubtful_digit() -> None:
    free = decode("79917398", FREE, {3: ("2", 0.45)})[0]
    best = decode("79917398", LUHN, {3: ("2", 0.45)})[0]
    assert free.cells == "79917398"
    assert best.cells == VALID
    assert best.is_valid
    assert best.probability > 0.97 > free.probability


def test_a_sure_number_that_breaks_its_rule_is_read_as_written_and_unsure() -> None:
    best = decode(SLIPPED, LUHN)[0]
    assert best.cells == SLIPPED
    assert not best.is_valid
    assert best.probability < 0.7


def test_a_rule_makes_no_digit_of_a_scribble() -> None:
    assert decode("7992?398", LUHN)[0].cells == "7992?398"


def test_a_list_finds_its_number_however_faint_the_digits() -> None:
    numbers = ("31415926", "27182818")
    rule = FieldRule(lambda number: number in numbers, 2e-8, numbers)
    doubts = {place: ("3" if place else "2", 0.4) for place in range(8)}
    best = decode("31415926", rule, doubts)[0]
    assert (best.cells, best.is_valid) == ("31415926", True)
    assert best.probability > 0.95


def test_a_sure_number_that_is_in_no_list_is_read_as_written() -> None:
    numbers = ("31415926", "27182818")
    best = decode("31415927", FieldRule(lambda number: number in numbers, 2e-8, numbers))[0]
    assert (best.cells, best.is_valid) == ("31415927", False)


@given(st.integers(0, 10**6 - 1), st.integers(0, 5), st.integers(1, 9))
def test_confidence_grows_where_the_rule_agrees_and_falls_where_not(number: int, place: int, shift: int) -> None:
    digits = f"{number:06d}"
    other = str((int(digits[place]) + shift) % 10)
    rule = FieldRule(lambda text: text == "" or sum(map(int, text)) % 10 == 0, 0.1)
    free, bound = (decode(digits, each, {place: (other, 0.3)}) for each in (FREE, rule))
    agrees = sum(map(int, digits)) % 10 == 0
    if agrees:
        assert bound[0].cells == digits
        assert bound[0].probability > free[0].probability
    else:
        assert bound[0].probability < 0.9 or bound[0].is_valid


def together(
    a: str, b: str, c: str, doubts: dict[str, dict[int, tuple[str, float]]] | None = None
) -> dict[str, Candidate]:
    written = {"a": a, "b": b, "c": c}
    candidates = {name: decode(text, FREE, (doubts or {}).get(name)) for name, text in written.items()}

    def value(_: str, text: str) -> float | None:
        number = means(text)
        return None if number is None else float(number or 0)

    sizes = {name: len(text) for name, text in written.items()}
    joint = decode_together(candidates, [parse_equation("a + b == c")], value, sizes)
    return {name: each[0] for name, each in joint.items()}


def test_a_sum_settles_a_doubtful_digit_of_any_field() -> None:
    for name, place in itertools.product("abc", range(3)):
        written = {"a": "123", "b": "456", "c": "579"}
        true = written[name][place]
        other = str((int(true) + 5) % 10)
        written[name] = written[name][:place] + other + written[name][place + 1 :]
        read = together(**written, doubts={name: {place: (true, 0.4)}})
        assert {each: read[each].cells for each in "abc"} == {"a": "123", "b": "456", "c": "579"}
        assert all(each.is_valid and each.probability > 0.99 for each in read.values())


def test_a_sum_of_many_doubtful_fields_is_not_sure_because_one_choice_of_few_tried_comes_out() -> None:
    names = [f"a{number}" for number in range(12)]
    written = dict.fromkeys(names, "1357") | {"total": str(12 * 1357)}
    doubts = {place: (other, 0.45) for place, other in enumerate("2468")}
    candidates = {name: decode(text, FREE, doubts if name != "total" else None) for name, text in written.items()}
    equation = parse_equation(f"{' + '.join(names)} == total")

    def value(_: str, text: str) -> float | None:
        number = means(text)
        return None if number is None else float(number or 0)

    joint = decode_together(candidates, [equation], value, {name: len(text) for name, text in written.items()})
    assert max(joint[name][0].probability for name in names) < 0.5


def test_very_many_fields_that_hardly_can_be_read_are_read_all_the_same() -> None:
    names = [f"a{number}" for number in range(80)]
    candidates = {name: [Candidate("12", 1e-6, True), Candidate("17", 9e-7, True)] for name in names}
    equation = parse_equation(f"{' + '.join(names[1:])} == a0")
    joint = decode_together(candidates, [equation], lambda _, text: Fraction(text), dict.fromkeys(names, 2))
    assert all(0 <= each[0].probability <= 1e-6 for each in joint.values())


def test_a_wrong_sum_is_read_as_written_and_fails() -> None:
    read = together("189", "159", "347")
    assert [read[name].cells for name in "abc"] == ["189", "159", "347"]
    assert not any(each.is_valid for each in read.values())
    assert all(each.probability < 0.9 for each in read.values())


def test_a_field_that_cannot_be_read_leaves_the_sum_open() -> None:
    read = together("1?3", "456", "579")
    assert read["a"].cells == "1?3"
    assert read["b"].is_valid
    assert read["c"].is_valid


def test_fields_that_no_equation_names_stay_as_they_are() -> None:
    candidates = {"a": decode("12", FREE)}
    assert decode_together(candidates, [], lambda *_: None, {"a": 2}) == candidates


def test_two_equations_with_a_field_in_common_are_solved_together() -> None:
    written = {"a": "12", "b": "34", "c": "46", "d": "50", "e": "96"}
    doubts = {"c": {1: ("8", 0.6)}, "e": {1: ("8", 0.6)}}
    candidates = {name: decode(text, FREE, doubts.get(name)) for name, text in written.items()}
    equations = [parse_equation("a + b == c"), parse_equation("c + d == e")]
    read = decode_together(candidates, equations, lambda _, text: float(means(text) or 0), dict.fromkeys("abcde", 2))
    assert [read[name][0].cells for name in "abcde"] == list(written.values())
    assert all(each[0].is_valid and each[0].probability > 0.99 for each in read.values())

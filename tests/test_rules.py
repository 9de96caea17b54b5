"""What may be written in a field, and what must hold between fields."""

import datetime as dt
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import FormError
from scanner.form.equations import parse_equation
from scanner.form.model import FormField
from scanner.form.rules import POSTAL_CODES, as_number, date_in, field_rule, is_hardly_met

NOWHERE = Path()


def field(cells: int = 4, **keys: Any) -> FormField:
    return FormField(name="a", x_mm=0, y_mm=0, cells=cells, cell_width_mm=5, cell_height_mm=7, **keys)


def test_a_field_without_rules_allows_everything() -> None:
    rule = field_rule(field(), NOWHERE)
    assert rule.allows("12")
    assert rule.allows("")
    assert not rule.is_bound
    assert rule.density == 1


def test_a_required_field_is_not_empty() -> None:
    assert not field_rule(field(required=True), NOWHERE).allows("")


def test_a_number_lies_in_its_range_with_its_decimals() -> None:
    rule = field_rule(field(type="number", decimals=2, min=1.5, max=20), NOWHERE)
    assert [rule.allows(number) for number in ("0149", "0150", "2000", "2001")] == [False, True, True, False]
    assert rule.density == pytest.approx(0.1851, abs=0.03)


@pytest.mark.parametrize(
    ("keys", "number", "words"),
    [
        ({"type": "number", "max": 20}, "0021", "is above 20"),
        ({"type": "number", "min": 5, "max": 20}, "0004", "is below 5 or above 20"),
        (
            {"type": "date", "format": "DDMMYY", "earliest": dt.date(2020, 1, 1)},
            "310226",
            "is no date as DDMMYY from 2020",
        ),
        ({"type": "postal_code", "country": "ch"}, "0999", "is no postal code of ch"),
        ({"type": "postal_code"}, "12", "is no postal code"),
        ({"pattern": "1.*"}, "2000", "does not match 1.*"),
        ({"check": "luhn"}, "0001", "has the wrong check digit (luhn)"),
        ({"required": True}, "", "the form asks for a number here"),
        ({"required": True, "pattern": "1.*"}, "1000", ""),
        ({}, "", ""),
    ],
)
def test_what_is_wrong_with_a_number_is_said(keys: dict[str, Any], number: str, words: str) -> None:
    said = field_rule(field(**keys), NOWHERE).broken_by(number)
    assert said.startswith(words)
    assert bool(said) == bool(words)


def test_a_number_that_is_in_no_list_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("number\n1008\n2007\n0018\n")
    rule = field_rule(field(list="customers.csv:number", check="luhn"), tmp_path)
    assert rule.numbers == ("0018", "1008")
    assert rule.broken_by("1008") == ""
    assert rule.broken_by("1016") == "is not in customers.csv:number"
    assert rule.broken_by("1009") == "has the wrong check digit (luhn)"


@given(st.integers(0, 99_999), st.integers(0, 4))
def test_decimals_move_the_point(number: int, decimals: int) -> None:
    assert as_number(f"{number:05d}", decimals) == Fraction(number, 10**decimals)


def test_limits_are_what_they_say_to_the_last_place() -> None:
    rule = field_rule(field(3, type="number", decimals=1, min=0.1, max=0.3), NOWHERE)
    assert [rule.allows(number) for number in ("000", "001", "003", "004")] == [False, True, True, False]


@given(st.dates(dt.date(1990, 1, 1), dt.date(2030, 12, 31)), st.sampled_from(["DDMMYYYY", "MMDDYYYY", "YYYYMMDD"]))
def test_a_date_reads_back(date: dt.date, form: str) -> None:
    digits = (
        form.replace("YYYY", f"{date.year:04d}").replace("MM", f"{date.month:02d}").replace("DD", f"{date.day:02d}")
    )
    assert date_in(digits, field(8, type="date", format=form)) == date


def test_two_digits_of_a_year_are_near_today() -> None:
    today = dt.date.today()
    for years in (-79, -40, 0, 19):
        year = today.year + years
        assert date_in(f"0101{year % 100:02d}", field(6, type="date", format="DDMMYY")) == dt.date(year, 1, 1)


@pytest.mark.parametrize(
    ("earliest", "latest", "digits", "date"),
    [
        ("1920-01-01", "2010-12-31", "010338", "1938-03-01"),
        ("1920-06-30", "2010-12-31", "010320", None),
        ("1920-06-30", "2020-06-29", "010320", "2020-03-01"),
        ("1920-06-30", None, "010720", "1920-07-01"),
        (None, "1945-05-08", "010345", "1945-03-01"),
        (None, "1945-05-08", "010645", "1845-06-01"),
        ("1800-01-01", "1850-01-01", "290204", "1804-02-29"),
        ("1900-01-01", "2000-12-31", "290200", "2000-02-29"),
    ],
)
def test_two_digits_of_a_year_are_between_the_limits_of_the_field(
    earliest: str | None, latest: str | None, digits: str, date: str | None
) -> None:
    limits = {name: dt.date.fromisoformat(day) for name, day in (("earliest", earliest), ("latest", latest)) if day}
    born = field(6, type="date", format="DDMMYY", **limits)
    assert field_rule(born, NOWHERE).allows(digits) == (date is not None)
    assert date is None or date_in(digits, born) == dt.date.fromisoformat(date)


@pytest.mark.parametrize("digits", ["31022020", "00012020", "15132020", "1501202"])
def test_there_are_days_that_are_none(digits: str) -> None:
    assert date_in(digits, field(8, type="date", format="DDMMYYYY")) is None


def test_a_date_lies_between_its_ends() -> None:
    limits = {"earliest": dt.date(2020, 2, 1), "latest": dt.date(2020, 2, 29)}
    rule = field_rule(field(8, type="date", format="DDMMYYYY", **limits), NOWHERE)
    assert [rule.allows(day) for day in ("31012020", "01022020", "29022020", "01032020")] == [False, True, True, False]
    assert rule.density < 1e-3


@pytest.mark.parametrize(
    ("country", "right", "wrong"),
    [("ch", "8001", "0801"), ("us", "123456789", "123456"), ("de", "01067", "00123"), ("fr", "75001", "7500"),
     ("es", "52001", "53001"), ("in", "110001", "010001"), ("nl", "1012", "0999"), ("at", "1010", "101"),
     ("it", "00118", "0011"), ("ca", "105", "1055"), ("any", "123", "12")],
)  # fmt: skip
def test_postal_codes_are_those_of_their_country(country: Any, right: str, wrong: str) -> None:
    rule = field_rule(field(9, type="postal_code", country=country), NOWHERE)
    assert rule.allows(right)
    assert not rule.allows(wrong)


def test_every_country_of_a_form_has_a_pattern() -> None:
    annotation = FormField.model_json_schema()["properties"]["country"]
    assert set(annotation["anyOf"][0]["enum"]) == set(POSTAL_CODES)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [("luhn", "79927398713", "79927398710"), ("verhoeff", "2363", "2364"), ("damm", "5724", "5727"),
     ("ean", "4006381333931", "4006381333930"), ("iso7064.mod_97_10", "389", "388")],
)  # fmt: skip
def test_check_digits_are_checked(check: str, right: str, wrong: str) -> None:
    rule = field_rule(field(len(right), check=check), NOWHERE)
    assert rule.allows(right)
    assert not rule.allows(wrong)
    assert rule.density < 0.2


def test_letters_printed_before_the_boxes_count_for_the_check() -> None:
    digits = "9300762011623852957"
    iban = field(len(digits), check="iban", check_prefix="CH")
    rule = field_rule(iban, NOWHERE)
    assert rule.allows(digits)
    assert not rule.allows(digits[::-1])
    assert not is_hardly_met(iban)
    assert is_hardly_met(field(len(digits), check="iban"))
    assert not is_hardly_met(field(4))


@pytest.mark.parametrize("check", ["nothing", "util", "luhn.nothing"])
def test_a_check_that_is_none_is_a_form_error(check: str) -> None:
    with pytest.raises(FormError, match=f"has no '{check}'"):
        field_rule(field(check=check), NOWHERE)


def test_a_pattern_holds_for_the_whole_number() -> None:
    rule = field_rule(field(pattern="4[0-9]{3}"), NOWHERE)
    assert [rule.allows(number) for number in ("4123", "3123", "412", "41234")] == [True, False, False, False]


def test_a_list_comes_from_a_column_beside_the_form(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("name,number\nA,0012\nB,3456\nC,\nD,12345\nE,3456\n", encoding="utf-8-sig")
    rule = field_rule(field(list="customers.csv:number"), tmp_path)
    assert rule.numbers == ("0012", "3456")
    assert rule.allows("0012")
    assert not rule.allows("0013")
    assert rule.density == 2e-4


def test_other_rules_thin_out_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n0012\n3456\n")
    assert field_rule(field(list="a.csv:n", pattern="3.*"), tmp_path).numbers == ("3456",)


@pytest.mark.parametrize(
    ("name", "told"),
    [("a.csv", "write FILE.csv:COLUMN"), (":n", "write FILE"), ("a.csv:m", "no column 'm' in its first line, only n"),
     ("b.csv:n", "cannot be read"), ("empty.csv:n", "no number of at most 4 digits")],
)  # fmt: skip
def test_a_list_that_cannot_be_used_says_why(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "a.csv").write_text("n\n12\n")
    (tmp_path / "empty.csv").write_text("n\nabc\n")
    with pytest.raises(FormError, match=told):
        field_rule(field(list=name), tmp_path)


@given(st.integers(0, 999), st.integers(0, 999))
def test_a_sum_holds_where_python_says_so(a: int, b: int) -> None:
    values = {name: Fraction(value) for name, value in (("a", a), ("b", b), ("c", a + b), ("d", a + b + 1))}
    assert parse_equation("a + b == c").holds(values)
    assert parse_equation("c - b - a == 0").holds(values)
    assert parse_equation("2 * (a + b) == c * 2").holds(values)
    assert not parse_equation("a + b == d").holds(values)
    assert parse_equation("a <= c").holds(values)
    assert parse_equation("d > -1 + c").holds(values)
    assert parse_equation("a < b").holds(values) == (a < b)
    assert parse_equation("a >= b").holds(values) == (a >= b)


def test_sums_are_exact() -> None:
    tenths = {name: as_number(f"{number:012d}", 2) for name, number in (("a", 99_999_999_910), ("b", 20), ("c", 30))}
    assert parse_equation("a + b == 999999999.30").holds(tenths)
    assert not parse_equation("a + b == 999999999.31").holds(tenths)
    assert parse_equation("0.1 * a + 0.1 * b == 0.1 * c + 99999999.9").holds(tenths)
    long = {"a": as_number("370400440532013000"), "b": as_number("370400440532013009")}
    assert not parse_equation("a == b").holds(long)


def test_an_equation_with_an_unknown_says_nothing() -> None:
    assert parse_equation("a == b").holds({"a": None, "b": Fraction(1)}) is None


@pytest.mark.parametrize(
    "text", ["", "a", "a == b == c", "a != b", "a * b == c", "a / 2 == b", "f(a) == b", "'a' == b", "1 == 2", "a ="]
)
def test_what_is_no_linear_equation_is_told(text: str) -> None:
    with pytest.raises(FormError):
        parse_equation(text)

"""What may be written in one field: numbers in a range, dates, postal codes, check digits, patterns, lists."""

import csv
import datetime as dt
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import regex

from scanner.errors import FormError
from scanner.form.model import FormField

Allows: TypeAlias = Callable[[str], bool]
"""Whether a number, as its digits without blanks, may be written."""
Part: TypeAlias = tuple[Allows, str]
"""Something that is asked of a number, and what is said of one that it does not allow."""

POSTAL_CODES = {
    "any": r"\d{3,10}",
    "at": r"[1-9]\d{3}",
    "ca": r"\d{3}",  # the digits of A1A 1A1
    "ch": r"[1-9]\d{3}",
    "de": r"(?!00)\d{5}",
    "es": r"(?:0[1-9]|[1-4]\d|5[0-2])\d{3}",
    "fr": r"(?!00)\d{5}",
    "in": r"[1-9]\d{5}",
    "it": r"\d{5}",
    "nl": r"[1-9]\d{3}",  # the digits before the letters
    "us": r"\d{5}(?:\d{4})?",
}
CENTURY = 100
OLDEST_YEARS = 80  # a year of two digits is at most so many years ago, where the form does not limit it
MATCH_S = 0.1  # to match a number with a pattern: a thousand times as long as any that makes sense takes
TRIED = 2000  # random numbers that tell how many of all a rule allows
TOLD_APART = 20_000  # numbers of which it is kept whether their check digit is right: a run has millions
RAREST = 1e-7  # no rule is taken to be stricter


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Everything a form says of the number in one field.

    `allows`: of a number's digits, blanks left out; of an empty field too. `density`: of all rows of digits that fill
    the cells, the part that is allowed. `numbers`: all there are, where a list says so. `is_bound`: whether anything
    is asked of the digits. `parts`: what is asked of them, each with what is said of a number that it does not allow.
    """

    allows: Allows
    density: float
    numbers: tuple[str, ...] | None = None
    is_bound: bool = True
    parts: tuple["Part", ...] = ()

    def broken_by(self, number: str) -> str:
        """What is wrong with a number, in words; empty where nothing is."""
        if self.allows(number):
            return ""
        said = (words for allows, words in self.parts if number and not allows(number))
        return next(said, "breaks the rule of its field" if number else "the form asks for a number here")


def field_rule(field: FormField, folder: Path) -> FieldRule:
    """The rule of a field; its list is read from `folder`.

    Raises:
        FormError: the list cannot be read, or there is no such check.
    """
    return rule_with(field, None if field.list is None else _read_list(field, folder))


def rule_with(field: FormField, listed: Sequence[str] | None) -> FieldRule:
    """The rule of a field whose list, if it has one, holds these numbers.

    Raises:
        FormError: there is no such check.
    """
    parts = [part for part in (_of_type(field), _of_pattern(field), _of_check(field)) if part is not None]
    asked = [allows for allows, _ in parts]
    numbers: tuple[str, ...] | None = None
    if listed is not None:
        numbers = tuple(sorted({number for number in listed if all(part(number) for part in asked)}))
        asked = [frozenset(numbers).__contains__]
        parts.append((asked[0], f"is not in {field.list}"))

    def allows(number: str) -> bool:
        return all(part(number) for part in asked) if number else not field.required

    if numbers is not None:
        density = len(numbers) / 10**field.cells
    else:
        density = _density(allows, field.cells) if parts else 1.0
    return FieldRule(allows, min(max(density, RAREST), 1.0), numbers, is_bound=bool(parts), parts=tuple(parts))


def _density(allows: Allows, cells: int) -> float:
    """Measured on random numbers; one that none of them meets is somewhat rarer."""
    return max(sum(map(allows, _random_numbers(cells))), 0.5) / TRIED


def is_hardly_met(field: FormField) -> bool:
    """Whether of many random numbers none has right check digits: letters may belong to them, or more digits."""
    check = _of_check(field)
    return check is not None and not any(map(check[0], _random_numbers(field.cells)))


def _random_numbers(cells: int) -> Iterator[str]:
    return ("".join(map(str, row)) for row in np.random.default_rng(0).integers(0, 10, (TRIED, cells)))


def _of_type(field: FormField) -> Part | None:
    if field.type == "number":
        return None if field.min is None and field.max is None else _in_range(field)
    if field.type == "date":
        return _date(field)
    if field.type == "postal_code":
        country = field.country or "any"
        return _fully(POSTAL_CODES[country]), "is no postal code" + (f" of {country}" if country != "any" else "")
    return None


def _in_range(field: FormField) -> Part:
    low = -np.inf if field.min is None else Fraction(str(field.min))
    high = np.inf if field.max is None else Fraction(str(field.max))
    ends = (("below", field.min), ("above", field.max))
    limits = [f"{where} {end:g}" for where, end in ends if end is not None]
    return (lambda number: bool(low <= as_number(number, field.decimals) <= high)), f"is {' or '.join(limits)}"


def as_number(digits: str, decimals: int = 0) -> Fraction:
    """12345 with two decimals -> 123.45, exactly."""
    return Fraction(int(digits), 10**decimals)


def _date(field: FormField) -> Part:
    def allows(number: str) -> bool:
        date = date_in(number, field)
        return date is not None and _is_within(date, field)

    limits = [f"from {field.earliest}"] * (field.earliest is not None) + [f"to {field.latest}"] * (
        field.latest is not None
    )
    return allows, " ".join([f"is no date as {field.format}", *limits])


def date_in(digits: str, field: FormField) -> dt.date | None:
    """The date that the digits of a field mean: of two digits the year is one that its limits allow, if any is."""
    first = dt.date.today().year - OLDEST_YEARS
    if field.earliest is not None:
        first = field.earliest.year
    elif field.latest is not None:
        first = field.latest.year - CENTURY + 1
    form = field.format or ""
    years = (first,) if "YYYY" in form else (first, first + CENTURY, first - CENTURY)
    dates = (as_date(digits, form, year) for year in years)
    return next((date for date in dates if date is not None and _is_within(date, field)), as_date(digits, form, first))


def _is_within(date: dt.date, field: FormField) -> bool:
    return (field.earliest or dt.date.min) <= date <= (field.latest or dt.date.max)


def as_date(digits: str, form: str, first: int) -> dt.date | None:
    """The date that the digits mean, DDMMYYYY or the like; None where there is no such day.

    A year of two digits is one of the hundred that begin with `first`.
    """
    if len(digits) != len(form):
        return None
    parts = {name: _part(digits, form, name) for name in ("DD", "MM", "YYYY" if "YYYY" in form else "YY")}
    year = parts.get("YYYY")
    if year is None:
        year = first + (parts["YY"] - first) % CENTURY
    try:
        return dt.date(year, parts["MM"], parts["DD"])
    except ValueError:
        return None


def _part(digits: str, form: str, name: str) -> int:
    start = form.index(name)
    return int(digits[start : start + len(name)])


def _of_pattern(field: FormField) -> Part | None:
    return None if field.pattern is None else (_fully(field.pattern), f"does not match {field.pattern}")


def _fully(pattern: str) -> Allows:
    """Whether a number matches a pattern, which anybody may have written: what takes too long does not match."""
    compiled = regex.compile(pattern, regex.ASCII)

    def allows(number: str) -> bool:
        try:
            return compiled.fullmatch(number, timeout=MATCH_S) is not None
        except TimeoutError:
            return False

    return allows


def takes_too_long(pattern: str, cells: int) -> bool:
    """Whether matching a number of so many digits may take nearly forever, as with repetitions in repetitions."""
    compiled = regex.compile(pattern, regex.ASCII)
    try:
        for number in ("0" * cells, "1" * cells, ("0123456789" * cells)[:cells]):
            compiled.fullmatch(number, timeout=MATCH_S)
    except TimeoutError:
        return True
    return False


def _of_check(field: FormField) -> Part | None:
    if field.check is None:
        return None
    module = _stdnum(field.check)
    if module is None:
        raise FormError(
            f"field {field.name}, check: python-stdnum has no {field.check!r}; luhn, verhoeff, damm, ean, isbn, "
            "iso7064.mod_11_10, ch.esr and its many others can be used"
        )
    prefix = field.check_prefix or ""
    is_valid = lru_cache(TOLD_APART)(lambda number: bool(module.is_valid(prefix + number)))
    return is_valid, f"has the wrong check digit ({field.check})"


def _stdnum(name: str) -> Any:
    """The module of python-stdnum with this name, if it can check numbers."""
    try:
        module = importlib.import_module(f"stdnum.{name}")
    except ImportError:
        return None
    return module if hasattr(module, "is_valid") else None


def _read_list(field: FormField, folder: Path) -> list[str]:
    """The numbers in a column of a CSV; what is no number of digits is left out."""
    name, _, column = (field.list or "").rpartition(":")
    path = folder / name
    place = f"field {field.name}, list"
    if not name or not column:
        raise FormError(f"{place}: found {field.list!r}; write FILE.csv:COLUMN")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if column not in (rows.fieldnames or ()):
                there = ", ".join(rows.fieldnames or ()) or "nothing"
                raise FormError(
                    f"{place}: {path} has no column {column!r} in its first line, only {there}; save it as CSV, UTF-8, "
                    "with commas and a line of names"
                )
            entries = [(row[column] or "").strip() for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormError(f"{place}: {path} cannot be read ({error}); save it as CSV, UTF-8, with commas") from error
    numbers = [entry for entry in entries if re.fullmatch(r"\d+", entry, re.ASCII) and len(entry) <= field.cells]
    if not numbers:
        raise FormError(f"{place}: column {column!r} of {path} has no number of at most {field.cells} digits")
    return numbers

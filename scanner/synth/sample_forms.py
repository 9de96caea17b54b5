"""The four forms of `samples/`: a meter card, a survey, a postal card and an exam sheet, with plausible numbers."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scanner.synth.fill import BLANK
from scanner.synth.forms import A4_MM, BoxField, BoxStyle, Decoy, Label, Layout, in_reading_order
from scanner.synth.sheet import BLACK, Color

A5_MM = (148.0, 210.0)
POSTCARD_MM = (148.0, 105.0)
RED: Color = (50, 50, 190)
DATE_CELLS = 8
DATE_MARKS = " . .    "  # print after the day and after the month


@dataclass(frozen=True, slots=True)
class SampleForm:
    """A blank form and how people fill it: `values` gives one string a field, in reading order.

    `keys`: what its form.toml says of each field, in reading order, beside the place; `rules` what holds between them.
    """

    layout: Layout
    dpi: float
    values: Callable[[np.random.Generator], tuple[str, ...]]
    keys: tuple[Mapping[str, object], ...]
    rules: tuple[str, ...] = ()


def _box(
    x_mm: float,
    y_mm: float,
    cells: int,
    style: BoxStyle,
    size_mm: tuple[float, float],
    gap_mm: float = 0.0,
    *,
    color: Color = BLACK,
    marks: str = "",
) -> BoxField:
    return BoxField("", x_mm, y_mm, cells, style, *size_mm, gap_mm=gap_mm, color=color, radius_mm=1.2, marks=marks)


def _text(x_mm: float, y_mm: float, *lines: str) -> Decoy:
    return Decoy("paragraph", x_mm, y_mm, 0.0, 0.0, texts=lines)


def _number(rng: np.random.Generator, digits: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, digits))


def _flush_right(value: int, cells: int) -> str:
    return str(value).rjust(cells, BLANK)


def _date(rng: np.random.Generator, first_year: int, last_year: int) -> str:
    day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(first_year, last_year + 1)
    return f"{day:02d}{month:02d}{year}"


def _date_keys(first_year: int, last_year: int) -> dict[str, object]:
    ends = {"earliest": dt.date(first_year, 1, 1), "latest": dt.date(last_year, 12, 31)}
    return {"type": "date", "format": "DDMMYYYY", **ends}


def meter_reading() -> SampleForm:
    """A card that a utility sends out: separate boxes, the reading with leading zeros."""
    size_mm, gap_mm, x_mm = (6.5, 8.0), 2.2, 52.0
    rows = (("Customer number", 8, ""), ("Meter number", 7, ""), ("Meter reading, m³", 6, ""), ("Date", 8, DATE_MARKS))
    tops_mm = [58.0 + 20.0 * row for row in range(len(rows))]
    fields = tuple(
        _box(x_mm, top, cells, "separate", size_mm, gap_mm, marks=marks)
        for top, (_, cells, marks) in zip(tops_mm, rows, strict=True)
    )
    labels = tuple(Label(text, 14, top + 1.6, 10.5) for top, (text, _, _) in zip(tops_mm, rows, strict=True))
    layout = Layout(
        "meter_reading",
        *A5_MM,
        fields=in_reading_order(fields),
        labels=(Label("Water meter reading", 32, 15, 18, is_bold=True), Label("Reading card", 32, 24, 11), *labels),
        decoys=(
            Decoy("logo", 14, 15, 14, 14, 5),
            _text(
                14,
                36,
                "Please read your water meter on the day that suits you and write the",
                "numbers into the boxes, one digit a box. Black and red digits: write the",
                "black ones only. Return this card within two weeks, no stamp needed.",
            ),
            Decoy("check_boxes", 14, 138, 120, 6, 3, texts=("new tenant", "meter replaced", "meter not found")),
            Decoy("signature_box", 14, 156, 66, 22, 2),
            Decoy("bar_code", 90, 162, 44, 14, 6),
        ),
    )

    def values(rng: np.random.Generator) -> tuple[str, ...]:
        return _number(rng, 8), _number(rng, 7), f"{rng.integers(20, 9000):06d}", _date(rng, 2023, 2026)

    keys: tuple[Mapping[str, object], ...] = (
        {"name": "customer_number", "required": True},
        {"name": "meter_number", "required": True},
        {"name": "meter_reading", "type": "number", "max": 9000.0},
        {"name": "date", **_date_keys(2023, 2026)},
    )
    return SampleForm(layout, 250.0, values, keys)


def survey() -> SampleForm:
    """A questionnaire: rounded boxes, a date, small numbers written flush right, scales and check boxes."""
    size_mm, gap_mm, right_mm = (6.5, 8.0), 1.6, 134.0
    questions = (
        ("How old are you?", 3, 120.0),
        ("How many people live in your household?", 2, 135.0),
        ("How many kilometers do you travel to work?", 3, 150.0),
        ("How many minutes does that take?", 3, 165.0),
    )
    fields = (
        _box(30, 48, DATE_CELLS, "rounded", size_mm, 2.4, marks=DATE_MARKS),
        _box(150, 48, 5, "rounded", size_mm, gap_mm),
        *(_box(right_mm, top, cells, "rounded", size_mm, gap_mm) for _, cells, top in questions),
        _box(46, 250, 5, "rounded", size_mm, gap_mm),
    )
    layout = Layout(
        "survey",
        *A4_MM,
        fields=in_reading_order(fields),
        labels=(
            Label("Travel survey", 18, 16, 20, is_bold=True),
            Label("Date", 18, 49.5, 10.5),
            Label("Number", 132, 49.5, 10.5),
            Label("1  How do you travel to work?", 18, 66, 10.5),
            Label("2  How content are you with the connections?", 18, 84, 10.5),
            *(Label(f"{n}  {text}", 18, top + 1.6, 10.5) for n, (text, _, top) in enumerate(questions, start=3)),
            Label("7  What would you change?", 18, 180, 10.5),
            Label("Postal code", 18, 251.5, 10.5),
        ),
        decoys=(
            Decoy("square_code", 177, 15, 16, 16, 2),
            _text(
                18,
                28,
                "We ask how people travel to work, so that buses and trains go when they are needed.",
                "Write one digit a box, small numbers to the right. Leave empty what you do not want to answer.",
            ),
            Decoy(
                "check_boxes", 24, 73, 160, 6, 9, texts=("on foot", "bicycle", "bus", "train", "car", "I work at home")
            ),
            Decoy("rating_row", 24, 92, 84, 7.5, 14),
            Decoy(
                "ruled_lines",
                24,
                186,
                160,
                34,
                21,
                texts=("An earlier bus in the morning,", "and a roof at the stop by the school."),
            ),
            Decoy("long_box", 24, 226, 120, 9, 3, texts=("Elena Rossi",)),
        ),
    )

    def values(rng: np.random.Generator) -> tuple[str, ...]:
        people, age = int(rng.integers(1, 7)), int(rng.integers(18, 90))
        way_km, way_minutes = int(rng.integers(1, 120)), int(rng.integers(5, 130))
        answers = (_flush_right(age, 3), _flush_right(people, 2), _flush_right(way_km, 3), _flush_right(way_minutes, 3))
        skipped = int(rng.integers(0, 8))  # now and then a question stays unanswered
        kept = tuple(BLANK * len(a) if n == skipped else a for n, a in enumerate(answers))
        return _date(rng, 2024, 2026), _number(rng, 5), *kept, _number(rng, 5)

    keys: tuple[Mapping[str, object], ...] = (
        {"name": "date", **_date_keys(2024, 2026)},
        {"name": "number", "required": True},
        {"name": "age", "type": "number", "min": 14.0, "max": 110.0},
        {"name": "household", "type": "number", "min": 1.0, "max": 20.0},
        {"name": "way_km", "type": "number", "max": 300.0},
        {"name": "way_minutes", "type": "number", "max": 300.0},
        {"name": "postal_code", "type": "postal_code", "country": "any"},
    )
    return SampleForm(layout, 200.0, values, keys)


def postal_card() -> SampleForm:
    """A postal card with red boxes for the two postal codes."""
    layout = Layout(
        "postal_card",
        *POSTCARD_MM,
        fields=in_reading_order(
            (
                _box(14, 45, 6, "separate", (5.5, 7.0), 1.4, color=RED),
                _box(84, 85, 6, "separate", (6.5, 9.0), 1.6, color=RED),
            )
        ),
        labels=(
            Label("POSTAL CARD", 14, 9, 13, is_bold=True),
            Label("From", 14, 17, 8),
            Label("Postal code of sender", 14, 40.5, 7),
            Label("To", 84, 38, 8),
            Label("Postal code", 84, 80.5, 7),
        ),
        decoys=(
            Decoy("ruled_lines", 14, 20, 56, 20, 31, texts=("Ruth Baker", "Oak Avenue, Newton")),
            Decoy("ruled_lines", 84, 42, 54, 36, 33, texts=("Paul Wagner", "Mill Lane", "Lakeview")),
            Decoy("stamp", 96, 8, 42, 21, 17),
            _text(14, 62, "Write the postal code in the", "boxes, one digit a box, as", "machines read it."),
        ),
    )

    def values(rng: np.random.Generator) -> tuple[str, ...]:
        return _number(rng, 6), _number(rng, 6)

    return SampleForm(layout, 300.0, values, ({"name": "sender"}, {"name": "receiver", "required": True}))


def exam() -> SampleForm:
    """An exam cover sheet: an ID in a comb, and a ruled table of points whose total adds up."""
    tasks, row_mm, top_mm, cell_mm = 6, 9.0, 120.0, 8.0
    table_right_mm = 120.0
    x_mm = table_right_mm - 2 * cell_mm
    points = tuple(_box(x_mm, top_mm + row_mm * n, 2, "table", (cell_mm, row_mm)) for n in range(tasks))
    total = _box(x_mm - cell_mm, top_mm + row_mm * tasks + 4, 3, "cells", (cell_mm, row_mm))
    layout = Layout(
        "exam",
        *A4_MM,
        fields=in_reading_order(
            (
                _box(58, 46, 8, "comb", (8.0, 10.0)),
                _box(58, 64, 4, "cells", (7.5, 9.5)),
                _box(150, 64, 3, "cells", (7.5, 9.5)),
                *points,
                total,
            )
        ),
        labels=(
            Label("Exam cover sheet", 40, 16, 20, is_bold=True),
            Label("Write digits inside the boxes, with a dark pen.", 40, 27, 10.5),
            Label("Student ID", 20, 50, 11),
            Label("Exam number", 20, 66.5, 11),
            Label("Seat", 132, 66.5, 11),
            Label("Family name", 20, 84.5, 11),
            Label("Points", 20, 112, 11, is_bold=True),
            *(Label(f"Task {n + 1}", 24, top_mm + 2 + row_mm * n, 10.5) for n in range(tasks)),
            Label("Total", 24, total.y_mm + 2, 10.5, is_bold=True),
        ),
        decoys=(
            Decoy("logo", 20, 15, 15, 15, 7),
            Decoy(
                "letter_row",
                58,
                82,
                96,
                9.5,
                3,
                _box(58, 82, 12, "cells", (8.0, 9.5)),
                ("KELLER", "LUND", "FARAH", "KOVAC"),
            ),
            Decoy("ruled_rows", 20, top_mm, x_mm - 20, tasks * row_mm, tasks),
            Decoy("bubbles", 136, 120, 56, 54, 6),
            Decoy("signature_box", 20, 205, 80, 24, 12),
            _text(
                20,
                240,
                "I have worked on this exam alone and with the permitted aids only.",
                "Sheets without a student ID are not marked.",
            ),
            Decoy("bar_code", 130, 210, 60, 16, 10),
        ),
    )

    def values(rng: np.random.Generator) -> tuple[str, ...]:
        marks = [int(mark) for mark in rng.integers(2, 21, tasks)]
        cells = tuple(_flush_right(mark, 2) for mark in marks)
        return _number(rng, 8), _number(rng, 4), _number(rng, 3), *cells, _flush_right(sum(marks), 3)

    names = [f"task_{number}" for number in range(1, tasks + 1)]
    keys: tuple[Mapping[str, object], ...] = (
        {"name": "student", "required": True},
        {"name": "exam"},
        {"name": "seat"},
        *({"name": name, "type": "number", "max": 20.0} for name in names),
        {"name": "total", "type": "number", "max": 20.0 * tasks},
    )
    return SampleForm(layout, 200.0, values, keys, (f"{' + '.join(names)} == total",))


SAMPLE_FORMS: tuple[Callable[[], SampleForm], ...] = (meter_reading, survey, postal_card, exam)

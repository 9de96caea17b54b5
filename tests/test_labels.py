"""Fields are called what is printed beside them."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scanner.cli import app
from scanner.design import propose_form
from scanner.errors import UsageError
from scanner.form import FormField, load_form
from scanner.labels import Phrase, labels_among, missing, with_names
from scanner.synth import BoxField, DrawnDigits, Label, Layout, scan_form
from scanner.synth.files import save_scan

needs_tesseract = pytest.mark.skipif(missing() is not None, reason=f"Tesseract is not there: {missing()}")


def field(name: str, x_mm: float, y_mm: float, cells: int = 3) -> FormField:
    return FormField(name=name, x_mm=x_mm, y_mm=y_mm, cells=cells, cell_width_mm=5.0, cell_height_mm=7.0)


def phrase(text: str, left: float, top: float) -> Phrase:
    return Phrase(text, left, top, left + 2.0 * len(text), top + 3.0)


def test_a_page_without_print_or_fields_has_no_labels() -> None:
    assert labels_among([], []) == []
    assert labels_among([], [field("r01f01", 50, 20)]) == [""]
    assert labels_among([phrase("Date", 10, 20)], []) == []


def test_labels_stand_left_of_fields_or_above_them() -> None:
    left = [field("r01f01", 60, 20), field("r02f01", 60, 40)]
    assert labels_among([phrase("Date", 20, 22), phrase("Sum", 20, 42)], left) == ["Date", "Sum"]
    above = [field("r01f01", 20, 30), field("r01f02", 60, 30)]
    assert labels_among([phrase("Date", 20, 25), phrase("Sum", 60, 25)], above) == ["Date", "Sum"]


def test_what_is_far_behind_another_field_or_below_is_no_label() -> None:
    fields = [field("r01f01", 60, 20), field("r01f02", 100, 20)]
    assert labels_among([phrase("Date", 20, 22)], fields) == ["Date", ""]
    assert labels_among([phrase("Date", 60, 29), phrase("Heading", 60, 2)], fields) == ["", ""]


def test_a_heading_above_two_fields_and_what_has_no_letters_name_neither() -> None:
    fields = [field("r01f01", 20, 30), field("r01f02", 40, 30)]
    heading = Phrase("Meter readings of this year", 20, 25, 70, 28)
    assert labels_among([heading, phrase("3.", 12, 32), phrase("m³", 12, 32)], fields) == ["", ""]


def test_most_fields_decide_on_which_side_labels_stand() -> None:
    fields = [field(f"r0{row}f01", 60, 20.0 * row) for row in (1, 2, 3)]
    beside = [phrase(text, 20, 20 * row + 2) for row, text in ((1, "Date"), (2, "Sum"), (3, "Seat"))]
    assert labels_among([*beside, phrase("(office only)", 60, 36)], fields) == ["Date", "Sum", "Seat"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Meter reading (m³):", "meter_reading"),
        ("2. Zählerstand", "zahlerstand"),
        ("Дата", "дата"),
        ("Class", "r01f01"),  # a word of Python
        ("Status", "r01f01"),  # a column of forms.csv
        ("№ 17", "no_17"),
        ("17.", "r01f01"),
        ("(see overleaf)", "r01f01"),
        ("", "r01f01"),
        ("How many kilometers do you travel to work on a usual day", "how_many_kilometers_do_you_travel_to"),
    ],
)
def test_a_label_becomes_a_name_that_a_form_can_have(label: str, name: str) -> None:
    named = with_names([field("r01f01", 60, 20)], [label])[0]
    assert (named.name, named.label) == (name, label if name != "r01f01" else "")
    assert named.x_mm == 60


def test_fields_of_one_label_are_counted() -> None:
    fields = [field(f"r0{row}f01", 60, 20.0 * row) for row in (1, 2, 3)]
    assert [each.name for each in with_names(fields, ["Day", "Sum", "Day:"])] == ["day_1", "sum", "day_2"]
    assert [each.name for each in with_names(fields, ["Day", "Day 2", "Day"])] == ["day_1", "day_2", "day_3"]


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = (("First day", 3), ("Second day", 4), ("Sum", 5))
    layout = Layout(
        "card",
        148.0,
        105.0,
        tuple(
            BoxField(text, 60.0, 20.0 + 18 * row, cells, "separate", 6.0, 8.0, gap_mm=2.0)
            for row, (text, cells) in enumerate(rows)
        ),
        labels=tuple(Label(text, 12, 22 + 18 * row, 11) for row, (text, _) in enumerate(rows)),
    )
    page = scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(1), 200.0)
    return save_scan(page.image, tmp_path_factory.mktemp("labels") / "blank", page.dpi_xy)


@needs_tesseract
def test_printed_labels_name_the_fields(blank: Path, tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["form", "new", str(blank), "-o", str(tmp_path / "card")])
    assert made.exit_code == 0, made.output
    fields = load_form(tmp_path / "card").fields
    assert [(each.name, each.label, each.cells) for each in fields] == [
        ("first_day", "First day", 3),
        ("second_day", "Second day", 4),
        ("sum", "Sum", 5),
    ]


@needs_tesseract
def test_an_unknown_language_is_told(blank: Path) -> None:
    with pytest.raises(UsageError, match="tlh"):
        propose_form(blank, "tlh")


def test_without_tesseract_fields_are_named_by_their_place(
    blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.labels.missing", lambda: "install tesseract")
    made = CliRunner().invoke(app, ["form", "new", str(blank), "-o", str(tmp_path / "card")])
    assert made.exit_code == 0
    assert "install tesseract" in made.output
    assert [each.name for each in load_form(tmp_path / "card").fields] == ["r01f01", "r02f01", "r03f01"]
    refused = CliRunner().invoke(app, ["form", "new", str(blank), "-o", str(tmp_path / "other"), "--language", "eng"])
    assert refused.exit_code == 2
    assert not (tmp_path / "other").exists()


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytesseract = pytest.importorskip("pytesseract")
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", "no-such-program")
    assert "apt install" in str(missing())

"""What people say of readings: kept for good, applied to the tables, all of a table or nothing."""

import csv
import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from scanner.cli import app
from scanner.correct import correct
from scanner.errors import NoInputError, OutputError
from scanner.export import path_cell, plain_path
from scanner.fields import FieldReading
from scanner.form import Form, FormField
from scanner.handover import hand_over
from scanner.known import KnownForm
from scanner.network import load_network
from scanner.order import Chores, Order
from scanner.pipeline import PageFailure, PageReading
from scanner.publish import publish_again
from scanner.review import Book, Corrections, FieldKey, Impossible, Meant, Verdict, Way, meaning_of, settle
from scanner.review.sheet import SheetError, read_sheet
from scanner.review.take_in import broken_rule
from scanner.run import run
from scanner.staging import output_folder
from scanner.status import status_of
from scanner.teach import verified_digits

SAMPLES = Path(__file__).parent.parent / "samples"
RUNNER = CliRunner()


def reading(cells: str, value: str = "", reason: str = "low_confidence", name: str = "r01f01") -> FieldReading:
    value = value or "".join(filter(str.isdigit, cells))
    return FieldReading(name, value, 0.5, "review", reason, cells, (0.5,) * len(cells), (10, 20, 100, 30), ())


def form_field(**said: object) -> FormField:
    place = {"x_mm": 1.0, "y_mm": 1.0, "cell_width_mm": 5.0, "cell_height_mm": 7.0}
    return FormField.model_validate({"name": "sent", "cells": 3, **place, **said})


def verdict(value: str = "12", who: str = "ada", way: Way = "key", is_readable: bool = True) -> Verdict:
    key = FieldKey("d" * 64, 1, "", "r01f01")
    return Verdict(key, value, value, is_readable, True, "72", "72", "review", (10, 20, 100, 30), who, way, "2026")


# --- the book


def test_nothing_said_makes_no_file(tmp_path: Path) -> None:
    with Book(tmp_path) as book:
        assert list(book.all()) == []
        assert book.state() == ""
        assert book.undo_last("ada", "2026") is None
        assert book.of_page("d", 1) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_said_stands_until_it_is_taken_back(tmp_path: Path) -> None:
    with Book(tmp_path) as book:
        book.add([verdict("12"), verdict("13")])
    with Book(tmp_path) as book:
        assert [each.value for each in book.all()] == ["12", "13"]
        state = book.state()
        undone = book.undo_last("ada", "2026")
        assert undone is not None
        assert undone.value == "13"
        assert book.undo_last("bob", "2026") is None
        assert book.of_page("d" * 64, 1) == [verdict("12")]
        assert book.state() != state


def test_a_book_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "review.db") as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(OutputError, match="not of scanner"):
        Book(tmp_path)
    (tmp_path / "review.db").write_bytes(b"no database at all, but some bytes" * 100)
    with pytest.raises(OutputError, match="not a database"):
        Book(tmp_path)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ([], None),
        ([("ada", "1", "key")], "1"),
        ([("ada", "1", "key"), ("ada", "2", "key")], "2"),
        ([("ada", "1", "double")], None),
        ([("ada", "1", "double"), ("ada", "1", "double")], None),  # twice the same person is one person
        ([("ada", "1", "double"), ("bob", "1", "double")], "1"),
        ([("ada", "1", "double"), ("bob", "2", "double")], None),
        ([("ada", "1", "double"), ("bob", "2", "double"), ("eve", "3", "double")], "3"),
        ([("ada", "1", "double"), ("bob", "2", "table")], "2"),
    ],
)
def test_the_last_word_holds_or_two_that_agree(said: list[tuple[str, str, Way]], value: str | None) -> None:
    settled = settle([verdict(value, who, way) for who, value, way in said])
    assert (settled.value if settled else None) == value


# --- readings as corrected


def corrected(book: Book, page: PageReading) -> list[tuple[str, str, str]]:
    applied = Corrections(book).applied("d" * 64, page)
    assert isinstance(applied, PageReading)
    return [(each.name, each.value, each.status) for each in applied.fields]


def test_a_correction_finds_its_field_by_its_place(tmp_path: Path) -> None:
    with Book(tmp_path) as book:
        book.add([verdict("12")])
        same = reading("72")
        assert corrected(book, PageReading("a.png", 1, (same,), 0.1)) == [("r01f01", "12", "corrected")]
        moved = replace(same, name="r02f01", box_xywh=(12, 22, 100, 30))
        other = replace(same, box_xywh=(500, 500, 100, 30))
        page = PageReading("a.png", 1, (other, moved), 0.1)
        assert corrected(book, page) == [("r01f01", "72", "review"), ("r02f01", "12", "corrected")]
        corrections = Corrections(book)
        corrections.applied("d" * 64, PageReading("a.png", 1, (other,), 0.1))
        assert corrections.lost == 1


def test_the_newest_word_on_a_place_holds_whatever_its_field_was_called(tmp_path: Path) -> None:
    def said(value: str, form: str, name: str) -> Verdict:
        return replace(verdict(value), key=FieldKey("d" * 64, 1, form, name))

    with Book(tmp_path) as book:
        book.add([said("11", "", "r01f01"), said("22", "form", "number"), said("33", "", "r01f01")])
        page = PageReading("a.png", 1, (reading("72"),), 0.1)
        assert corrected(book, page) == [("r01f01", "33", "corrected")]


def test_what_a_sample_finds_right_stays_accepted(tmp_path: Path) -> None:
    with Book(tmp_path) as book:
        book.add([verdict("72", way="sample")])
        accepted = replace(reading("72"), status="accepted", reason="")
        assert corrected(book, PageReading("a.png", 1, (accepted,), 0.1)) == [("r01f01", "72", "accepted")]
        assert corrected(book, PageReading("a.png", 1, (reading("72"),), 0.1)) == [("r01f01", "72", "corrected")]
        wrong = replace(reading("78"), status="accepted", reason="")
        assert corrected(book, PageReading("a.png", 1, (wrong,), 0.1)) == [("r01f01", "72", "corrected")]


def test_names_that_were_swapped_take_no_correction_along(tmp_path: Path) -> None:
    left, right = reading("72", name="date"), replace(reading("34", name="number"), box_xywh=(300, 20, 100, 30))
    with Book(tmp_path) as book:
        book.add([replace(verdict("12"), key=FieldKey("d" * 64, 1, "form", "number"))])  # said of the left box
        book.add([replace(verdict("35"), key=FieldKey("d" * 64, 1, "form", "number"), box=(300, 20, 100, 30))])
        page = PageReading("a.png", 1, (left, right), 0.1, "form")
        assert corrected(book, page) == [("date", "12", "corrected"), ("number", "35", "corrected")]


def test_a_book_that_another_process_begins_is_seen(tmp_path: Path) -> None:
    with Book(tmp_path) as early, Book(tmp_path) as other:
        assert early.state() == ""
        other.add([verdict("12")])
        assert [each.value for each in early.all()] == ["12"]
        assert early.undo_last("ada", "2026") is not None


def test_pages_without_corrections_stay_as_they_are(tmp_path: Path) -> None:
    failure = PageFailure("a.png", 1, "damaged", "", 0.1)
    page = PageReading("a.png", 1, (reading("72"),), 0.1)
    with Book(tmp_path) as book:
        book.add([replace(verdict(), key=FieldKey("e" * 64, 1, "", "r01f01"))])
        assert Corrections(book).applied("d" * 64, page) is page
        assert Corrections(book).applied("e" * 64, failure) is failure


# --- what is meant by what is typed


@pytest.mark.parametrize(
    ("typed", "cells", "meant"),
    [
        ("", "12", None),
        ("  ", "12", None),
        ("13", "12", Meant("13", "13")),
        ("'013", "912", Meant("013", "013")),
        ("1 3", "12", Meant("13", "13")),
        ("1_3", "123", Meant("13", "1_3")),
        ("_", "12", Meant("", "__")),
        ("x3", "12", Meant("3", "x3")),
        ("X3", "12", Meant("3", "x3")),
        ("?", "12", Meant("", "??", is_readable=False)),
        ("1?", "12", Meant("", "1?", is_readable=False)),
        ("4711", "47x11", Meant("4711", "47x11")),  # as it was read
        ("4712", "47x11", Meant("4712", "47x12")),
        ("47912", "47x11", Meant("47912", "47912")),
        ("13", "_12_", Meant("13", "_13_")),
        ("345", "_12_", Meant("345", "_345", is_exact=False)),  # one more than was seen: where, is not known
        ("01.02.2024", "01022024", Meant("01022024", "01022024")),
        ("1.234", "1239", Meant("1234", "1234")),
        ("12345-6789", "923456789", Meant("123456789", "123456789")),
    ],
)
def test_what_is_typed_is_understood(typed: str, cells: str, meant: Meant | None) -> None:
    assert meaning_of(typed, reading(cells)) == meant


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("123", "fewer digits than boxes are filled"),
        ("123456", "6 characters, the field 5 boxes"),
        ("1.2E+05", "rewritten by a program"),
        ("12.5", "rewritten by a program"),
        ("1234.0", "rewritten by a program"),
        ("-12345", "rewritten by a program"),
        ("abc", "has a b c in it"),
        ("12_", "a character for each of the 5 boxes"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(typed: str, told: str) -> None:
    with pytest.raises(Impossible, match=told):
        meaning_of(typed, reading("00129"))


def test_lost_zeros_are_put_back_where_they_are_known_to_be_lost() -> None:
    assert meaning_of("123", reading("00129"), has_lost_zeros=True) == Meant("00123", "00123")
    assert meaning_of("123", reading("_0129"), has_lost_zeros=True) == Meant("0123", "_0123")
    with pytest.raises(Impossible, match="fewer digits"):  # the last box may hold no digit
        meaning_of("824", reading("8247"), has_lost_zeros=True)
    assert meaning_of("104", replace(reading("1047"), is_boxed=False), has_lost_zeros=True).value == "104"


@pytest.mark.parametrize(
    ("typed", "cells", "meant"),
    [
        ("8001", "?", Meant("8001", "8001", is_exact=False)),
        ("471", "4711", Meant("471", "471", is_exact=False)),
        ("4712", "4711", Meant("4712", "4712")),
        ("12345-6789", "12345", Meant("123456789", "123456789", is_exact=False)),
        ("?", "4711", Meant("", "????", is_readable=False)),
        ("_", "47", Meant("", "__")),
    ],
)
def test_a_number_without_boxes_may_have_more_digits_or_fewer(typed: str, cells: str, meant: Meant) -> None:
    assert meaning_of(typed, replace(reading(cells), is_boxed=False)) == meant


def test_zeros_that_a_spreadsheet_took_come_back_without_boxes_too() -> None:
    assert meaning_of("17", replace(reading("0017"), is_boxed=False), has_lost_zeros=True) == Meant("0017", "0017")


def test_a_number_may_be_longer_than_the_boxes_that_were_found() -> None:
    assert meaning_of("1234", reading("123", reason="cut_off")) == Meant("1234", "1234", is_exact=False)


def test_marks_are_chosen_by_their_names() -> None:
    field = form_field(type="mark", choices=("post", "parcel", "other"), multiple=True)
    shown = reading("x__", "post")
    assert meaning_of("other; parcel", shown, field=field) == Meant("parcel;other", "_xx")
    assert meaning_of("_", shown, field=field) == Meant("", "___")
    with pytest.raises(Impossible, match="none of the choices: post; parcel; other"):
        meaning_of("bike", shown, field=field)


def test_several_choices_where_the_form_asks_for_one_are_told() -> None:
    shown = reading("x__", "post")
    page = PageReading("a.png", 1, (shown,), 0.1, "card")
    for multiple, told in ((False, "are several choices, where the form asks for one"), (True, "")):
        field = form_field(type="mark", choices=("post", "parcel", "other"), multiple=multiple)
        field = field.model_copy(update={"name": shown.name})
        card = KnownForm(Form.model_construct(name="card", fields=(field,)), {}, (), ())
        meant = meaning_of("post;other", shown, field=field)
        assert meant is not None
        assert broken_rule(page, shown.name, meant, [card]) == told


def test_an_amount_may_have_its_point() -> None:
    field = form_field(type="number", decimals=2)
    assert meaning_of("1.25", reading("195"), field=field) == Meant("125", "125")
    with pytest.raises(Impossible, match="rewritten"):
        meaning_of("12.5", reading("195"), field=field)


def test_crosses_count_as_zero_where_the_form_says_so() -> None:
    field = form_field(type="number", zero_cells="x_")
    assert meaning_of("x12", reading("912"), field=field) == Meant("012", "x12")


@given(st.text(max_size=12), st.text("0123456789_x?", min_size=1, max_size=8))
def test_whatever_is_typed_is_understood_or_refused(typed: str, cells: str) -> None:
    try:
        meant = meaning_of(typed, reading(cells))
    except Impossible:
        return
    assert meant is None or (meant.value.isdigit() or not meant.value)


# --- tables


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of which a third goes to review."""
    out = tmp_path_factory.mktemp("finished") / "out"
    run([SAMPLES / "exam" / "photo.jpg", SAMPLES / "exam" / "clean.png"], out)
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill(out: Path, typed: Sequence[str], target: Path, write: Callable[[list[list[str]], Path], None]) -> Path:
    """The review.csv of a run with this in the first rows of correct_value, as a spreadsheet writes it."""
    rows = rows_of(out / "review.csv")
    for row, text in zip(rows, typed, strict=False):
        row["correct_value"] = text
    write([list(rows[0]), *(list(row.values()) for row in rows)], target)
    return target


def plain(rows: list[list[str]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def excel_german(rows: list[list[str]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows(rows)


def excel_unicode(rows: list[list[str]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-16") as file:
        csv.writer(file, delimiter="\t").writerows(rows)


def excel_ansi(rows: list[list[str]], path: Path) -> None:
    with path.open("w", newline="", encoding="cp1252") as file:
        file.write("sep=;\r\n")
        csv.writer(file, delimiter=";").writerows([*rows, ["straße.png", *[""] * (len(rows[0]) - 1)]][: len(rows)])


def without_zeros(rows: list[list[str]], path: Path) -> None:
    """As Excel saves what it has opened by a double click."""
    excel_german(
        [rows[0], *([cell.lstrip("0") or cell[:1] if cell.isdigit() else cell for cell in row] for row in rows[1:])],
        path,
    )


@pytest.mark.parametrize("write", [plain, excel_german, excel_unicode, excel_ansi, without_zeros])
def test_every_dialect_is_understood(out: Path, tmp_path: Path, write: Callable[[list[list[str]], Path], None]) -> None:
    review = rows_of(out / "review.csv")
    typed = [row["value"] if row["value"] else "?" for row in review]
    done = correct(out, fill(out, typed, tmp_path / "mine.csv", write), "ada")
    assert (done.taken.changed, done.taken.confirmed + done.taken.unreadable) == (0, len(review))
    assert rows_of(out / "review.csv") == []
    assert sorted(row["value"] for row in rows_of(out / "corrections.csv")) == sorted(row["value"] for row in review)


def test_corrections_go_into_all_tables_and_the_original_is_kept(out: Path, tmp_path: Path) -> None:
    review = rows_of(out / "review.csv")
    first, second = review[0], review[1]
    right = "9" * len(first["cells"])
    table = fill(out, [right, "?"], tmp_path / "mine.csv", plain)
    done = correct(out, table, "ada")
    assert (done.taken.changed, done.taken.unreadable, done.taken.known) == (1, 1, 0)
    assert done.summary is not None
    assert done.summary.corrected == 2
    assert "2 corrected" in done.summary.line(out)
    fields = {(row["file"], row["field"]): row for row in rows_of(out / "fields.csv")}
    changed, unread = fields[first["file"], first["field"]], fields[second["file"], second["field"]]
    assert (changed["value"], changed["status"], changed["reason"]) == (right, "corrected", "")
    assert (unread["value"], unread["status"], unread["reason"]) == ("", "corrected", "unreadable")
    assert len(rows_of(out / "review.csv")) == len(review) - 2
    kept = {(row["file"], row["field"]): row for row in rows_of(out / "corrections.csv")}
    audit = kept[first["file"], first["field"]]
    assert (audit["value"], audit["read_value"], audit["who"], audit["way"]) == (right, first["value"], "ada", "table")


def test_status_tells_what_people_have_settled(out: Path, tmp_path: Path) -> None:
    before = status_of(out)
    assert (before.review, before.settled) == (len(rows_of(out / "review.csv")), 0)
    assert "settled" not in before.text()
    correct(out, fill(out, ["?", "?"], tmp_path / "mine.csv", plain))
    after = status_of(out)
    assert (after.review, after.settled) == (before.review - 2, 2)
    assert f"2 settled, {after.review} to review" in after.text()
    assert json.loads(after.json())["settled"] == 2


def test_the_same_table_twice_changes_nothing(out: Path, tmp_path: Path) -> None:
    table = fill(out, ["?", "?"], tmp_path / "mine.csv", plain)
    correct(out, table)
    before = (out / "corrections.csv").read_bytes()
    taken = correct(out, table).taken
    assert (taken.unreadable, taken.known) == (0, 2)
    assert (out / "corrections.csv").read_bytes() == before


def test_corrections_outlive_another_reading(out: Path, tmp_path: Path) -> None:
    correct(out, fill(out, ["?"], tmp_path / "mine.csv", plain))
    inputs = [SAMPLES / "exam" / "photo.jpg", SAMPLES / "exam" / "clean.png"]
    assert run(inputs, out, chores=Chores(redo="all")).corrected == 1
    assert run(inputs, out, Order(min_confidence=0.999)).corrected == 1


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda text: text.replace("correct_value", "right"), "no column correct_value"),
        (lambda text: text.replace(".png", ".gif").replace(".jpg", ".gif"), "there is no field"),
        (lambda text: text + 'x.png,1,"', "line .*: "),
        (lambda text: "", "no column file, page, field, correct_value"),
        (lambda text: text.replace(",1,,r", ",one,,r"), "page 'one' is no number"),
        (lambda text: text.replace(",1,,r", f",{'9' * 30},,r"), "is no number"),
        (lambda text: text + text.split("\n", 1)[1].replace("?", "_"), "two different corrections"),
        (lambda text: "PK" + text, "is a workbook"),
    ],
)
def test_a_table_with_mistakes_is_not_taken_in_at_all(
    out: Path, tmp_path: Path, spoil: Callable[[str], str], told: str
) -> None:
    table = fill(out, ["?", "?"], tmp_path / "mine.csv", plain)
    table.write_text(spoil(table.read_text()))
    with pytest.raises(SheetError, match=told):
        correct(out, table)
    assert not (out / "review.db").exists()


def test_one_impossible_value_stops_all(out: Path, tmp_path: Path) -> None:
    table = fill(out, ["?", "123456789012345"], tmp_path / "mine.csv", plain)
    result = RUNNER.invoke(app, ["correct", str(out), str(table)])
    assert result.exit_code == 3
    assert "line 3" in result.stderr
    assert "nothing of it was taken in" in result.stderr
    assert not (out / "review.db").exists()


def test_a_row_of_a_page_that_was_read_anew_is_of_another_field(out: Path, tmp_path: Path) -> None:
    def moved(rows: list[list[str]], path: Path) -> None:
        place = rows[0].index("y")
        rows[1][place] = str(int(rows[1][place]) + 200)
        plain(rows, path)

    with pytest.raises(SheetError, match="read anew since"):
        correct(out, fill(out, ["?", "?"], tmp_path / "mine.csv", moved))
    assert not (out / "review.db").exists()


def test_names_that_a_spreadsheet_took_for_windows_letters(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "exam" / "photo.jpg", tmp_path / "Müller.jpg")
    run([tmp_path / "Müller.jpg"], tmp_path / "out", Order(min_confidence=0.9999))

    def garbled(rows: list[list[str]], path: Path) -> None:
        plain([[cell.encode().decode("cp1252") for cell in row] for row in rows], path)

    done = correct(tmp_path / "out", fill(tmp_path / "out", ["?"], tmp_path / "mine.csv", garbled))
    assert done.taken.unreadable == 1


def test_what_belongs_into_another_column_is_told(out: Path, tmp_path: Path) -> None:
    def into_value(rows: list[list[str]], path: Path) -> None:
        rows[1][rows[0].index("value")] = "4711"
        plain(rows, path)

    with pytest.raises(SheetError, match="what is right belongs into correct_value"):
        correct(out, fill(out, ["?"], tmp_path / "mine.csv", into_value))


def test_the_command_says_what_came_of_it(out: Path, tmp_path: Path) -> None:
    table = fill(out, ["?"], tmp_path / "mine.csv", plain)
    result = RUNNER.invoke(app, ["correct", str(out), str(table), "--who", "ada"])
    assert result.exit_code == 0
    assert result.stdout.startswith("0 changed, 0 confirmed, 1 unreadable, 0 known before\n2 pages")


def test_while_a_run_goes_on_corrections_are_kept_for_it(out: Path, tmp_path: Path) -> None:
    table = fill(out, ["?"], tmp_path / "mine.csv", plain)
    with output_folder(out):
        done = correct(out, table)
    assert done.summary is None
    assert "is writing here" in done.why
    assert run([SAMPLES / "exam" / "photo.jpg", SAMPLES / "exam" / "clean.png"], out).corrected == 1


def test_tables_of_another_network_are_left_to_the_next_run(out: Path, tmp_path: Path) -> None:
    shutil.copy(SAMPLES.parent / "models" / "reader.onnx", tmp_path / "own.onnx")
    shutil.copy(SAMPLES.parent / "models" / "reader.json", tmp_path / "own.json")
    order = Order(model=tmp_path / "own.onnx", min_confidence=0.9)
    run([SAMPLES / "exam" / "clean.png"], out, order)
    with sqlite3.connect(out / "run.db") as db:
        db.execute("""UPDATE notes SET value = json_set(value, '$.min_confidence', 0.8) WHERE key = 'order'""")
    db.close()
    done = correct(out, fill(out, ["?"], tmp_path / "mine.csv", plain))
    assert done.summary is None
    assert "the same `scanner read` as before" in done.why


def test_corrections_whose_field_is_found_no_more_are_told(out: Path, tmp_path: Path) -> None:
    done = correct(out, fill(out, ["?", "?"], tmp_path / "mine.csv", plain))
    assert done.summary is not None
    assert "correction" not in done.summary.line(out)
    with closing(sqlite3.connect(out / "run.db")) as db, db:
        db.execute("UPDATE fields SET x = x + 5000")
    (out / "pages.csv").unlink()  # so that the tables are written
    summary = publish_again(out)
    assert summary.lost == 2
    assert "2 corrections of places where no field is found now" in summary.line(out)


# --- what it teaches


@pytest.mark.parametrize("forms", [(), (SAMPLES / "exam",)])
def test_verified_digits_are_cut_as_they_were_read(tmp_path: Path, forms: tuple[Path, ...]) -> None:
    """A comb has a baseline and ticks: cut as a box, they would stay beside its digits."""
    out = tmp_path / "out"
    run([SAMPLES / "exam" / "clean.png"], out, Order(forms=forms, min_confidence=1.0))
    rows = [row for row in rows_of(out / "review.csv") if len(row["cells"]) == 8]
    assert len(rows) == 1
    table = fill(
        out, [row["value"] if row in rows else "" for row in rows_of(out / "review.csv")], tmp_path / "m.csv", plain
    )
    correct(out, table)
    verified = verified_digits(out)
    scores = load_network().scores(verified.images)
    assert "".join(map(str, verified.labels)) == rows[0]["value"]
    assert (scores[np.arange(8), verified.labels] > 0.95).all()


def test_a_column_that_was_changed_by_hand_is_told(out: Path, tmp_path: Path) -> None:
    for column, text in (("cells", "9_9"), ("form", "exam")):

        def changed(rows: list[list[str]], path: Path, column: str = column, text: str = text) -> None:
            rows[1][rows[0].index(column)] = text
            plain(rows, path)

        with pytest.raises(SheetError, match=f"the column {column} says '{text}'"):
            correct(out, fill(out, ["?"], tmp_path / "mine.csv", changed))
    assert not (out / "review.db").exists()


def test_two_corrections_of_one_table_are_checked_together(tmp_path: Path) -> None:
    form, out = SAMPLES / "exam", tmp_path / "out"
    run([form / "clean.png"], out, Order(forms=(form,), min_confidence=1.0))
    read = {row["field"]: row["value"] for row in rows_of(out / "review.csv")}
    for shift, doubts in ((1, 0), (0, 1)):
        typed = {"task_1": str(int(read["task_1"]) - 1), "total": str(int(read["total"]) - shift)}
        answers = [typed.get(row["field"], "") for row in rows_of(out / "review.csv")]
        done = correct(shutil.copytree(out, tmp_path / str(shift)), fill(out, answers, tmp_path / "m.csv", plain))
        assert len(done.taken.doubts) == 2 * doubts
        assert all("does not fit task_1" in each for each in done.taken.doubts)


def test_verified_digits_and_no_others_are_handed_over(out: Path, tmp_path: Path) -> None:
    review = rows_of(out / "review.csv")
    typed = [row["value"] if "?" not in row["cells"] else "?" for row in review[:3]]
    correct(out, fill(out, typed, tmp_path / "mine.csv", plain), "ada")
    done = hand_over(out, "digits", tmp_path / "mine.npz")
    with np.load(done.path) as archive:
        digits, labels, writers = archive["x"], archive["y"], archive["writer"]
    assert done.count == len(digits) == len(labels) == len(writers) > 0
    assert done.lost == 0
    assert sorted(labels) == sorted(int(each) for value in typed for each in value if each.isdigit())
    answers = load_network().scores(digits).argmax(axis=1)
    assert (answers == labels).mean() > 0.6  # they are those that were doubtful


def test_verified_fields_of_scans_that_are_gone_are_counted(tmp_path: Path) -> None:
    out, inbox = tmp_path / "out", tmp_path / "in"
    shutil.copytree(SAMPLES / "exam", inbox)
    run([inbox], out)
    rows = [each for each in rows_of(out / "fields.csv") if each["status"] == "accepted"]
    kept, gone = rows[0], next(each for each in rows if each["file"] != rows[0]["file"])
    with (tmp_path / "mine.csv").open("w") as file:
        file.write("file,page,field,correct_value\n")
        file.writelines(f"{row['file']},{row['page']},{row['field']},{row['value']}\n" for row in (kept, gone))
    correct(out, tmp_path / "mine.csv")
    (inbox / gone["file"]).unlink()
    done = hand_over(out, "digits")
    assert (done.count, done.lost) == (len(kept["value"]), 1)
    told = RUNNER.invoke(app, ["export", str(out), "--to", "digits"])
    assert "1 verified field has no picture any more" in told.stderr


def test_digits_are_cut_from_the_scan_where_there_is_no_crop(out: Path, tmp_path: Path) -> None:
    row = next(each for each in rows_of(out / "fields.csv") if each["status"] == "accepted")
    with (tmp_path / "mine.csv").open("w") as file:
        file.write("file,page,field,correct_value\n" + ",".join((row["file"], row["page"], row["field"], row["value"])))
    correct(out, tmp_path / "mine.csv")
    found = verified_digits(out)
    assert "".join(map(str, found.labels)) == row["value"]
    assert (load_network().scores(found.images).argmax(axis=1) == found.labels).all()


def test_where_nothing_is_verified_there_is_nothing_to_teach(out: Path) -> None:
    with pytest.raises(NoInputError, match="nothing in it is verified"):
        hand_over(out, "digits")


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match=r"no run\.db"):
        correct(tmp_path, tmp_path / "mine.csv")


def test_a_table_that_is_not_there(out: Path, tmp_path: Path) -> None:
    with pytest.raises(SheetError, match="No such file"):
        read_sheet(tmp_path / "none.csv")


@given(st.text(min_size=1))
def test_names_of_files_come_back_from_a_table(name: str) -> None:
    assert plain_path(path_cell(name)) == name or name.startswith("./")

"""Readings for other programs: numbers keep their zeros, text is never a formula."""

import csv
import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from scanner.errors import NoInputError, OutputError, UsageError
from scanner.export import Correction, write_corrections, write_tables
from scanner.fields import FieldReading
from scanner.handover import Format, hand_over
from scanner.pipeline import PageFailure, PageReading


def field(name: str, value: str, status: str = "accepted") -> FieldReading:
    return FieldReading(name, value, 0.9876, status, "", value, (0.99,) * len(value), (1, 2, 30, 40), ())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write_tables(
        tmp_path,
        [
            PageReading("=a.png", 1, (field("r01f01", "007"), field("r02f01", "", "blank")), 0.1),
            PageReading("b.png", 2, (field("r01f01", "12", "review"),), 0.1),
            PageFailure("c.png", 1, "damaged", "", 0.1),
            PageReading("d.png", 1, (), 0.1, reason="no_fields"),
        ],
    )
    return tmp_path


def read_back(path: Path, to: Format) -> list[dict[str, object]]:
    if to == "xlsx":
        rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))  # type: ignore[union-attr]
        return [dict(zip(rows[0], (("" if cell is None else cell) for cell in row), strict=True)) for row in rows[1:]]  # type: ignore[arg-type]
    if to == "json":
        return json.loads(path.read_text())  # type: ignore[no-any-return]
    table = (
        pd.read_parquet(path)
        if to == "parquet"
        else pd.read_csv(path, dtype={"value": str, "read_value": str, "r01f01": str}, keep_default_na=False)
    )
    return table.to_dict("records")  # type: ignore[return-value]


@pytest.mark.parametrize("to", ["csv", "xlsx", "parquet", "json"])
def test_numbers_keep_their_zeros_and_text_is_no_formula(out: Path, to: Format) -> None:
    done = hand_over(out, to)
    path, count = done.path, done.count
    assert (path, count) == (out / f"long.{to}", 3)
    rows = read_back(path, to)
    assert [row["value"] for row in rows] == ["007", "", "12"]
    assert (rows[0]["file"], rows[0]["page"], rows[0]["confidence"], rows[0]["width"]) == ("./=a.png", 1, 0.9876, 30)


@pytest.mark.parametrize("to", ["csv", "xlsx", "parquet", "json"])
def test_wide_is_a_row_a_page_that_was_read(out: Path, to: Format) -> None:
    done = hand_over(out, to, out / f"mine.{to}", wide=True)
    path, count = done.path, done.count
    assert (path, count) == (out / f"mine.{to}", 3)
    rows = read_back(path, to)
    assert [(row["file"], row["status"], row["r01f01"]) for row in rows] == [
        ("./=a.png", "accepted", "007"),
        ("b.png", "review", "12"),
        ("d.png", "", ""),
    ]


def test_wide_is_a_row_a_form_where_there_are_forms(out: Path) -> None:
    (out / "forms.csv").write_text("file,page,form,status,problem,number\na.png,1,exam,accepted,,0042\n")
    path = hand_over(out, "json", wide=True).path
    assert json.loads(path.read_text())[0]["number"] == "0042"


@pytest.mark.parametrize("to", ["csv", "xlsx", "parquet", "json"])
def test_fields_of_a_form_are_text_whatever_they_are_called(out: Path, to: Format) -> None:
    rows = "a.png,1,exam,accepted,,0172,05,0.10\na.png,2,exam,review,,,06,\n"
    (out / "forms.csv").write_text(f"file,page,form,status,problem,height,x,confidence\n{rows}")
    table = hand_over(out, to, wide=True).path
    if to == "csv":
        assert table.read_text() == (out / "forms.csv").read_text()
    else:
        read = [(row["page"], row["height"], row["x"], row["confidence"]) for row in read_back(table, to)]
        assert read == [(1, "0172", "05", "0.10"), (2, "", "06", "")]


def test_what_nobody_can_read_is_no_blank(out: Path) -> None:
    fields = (out / "fields.csv").read_text().replace("accepted,,", "corrected,unreadable,", 1)
    assert "unreadable" in fields
    (out / "fields.csv").write_text(fields)
    rows = json.loads(hand_over(out, "json", wide=True).path.read_text())
    assert [row["status"] for row in rows] == ["review", "review", ""]


def test_no_sheet_has_room_for_everything(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.handover.MOST_EXCEL_ROWS", 2)
    with pytest.raises(OutputError, match="room for 2 rows"):
        hand_over(out, "xlsx")


@pytest.mark.parametrize("name", ["review.csv", "fields.csv", "../{}/pages.csv"])
def test_the_files_of_a_run_are_not_written_over(out: Path, name: str) -> None:
    with pytest.raises(UsageError, match="belongs to the run"):
        hand_over(out, "csv", out / name.format(out.name))


@pytest.mark.parametrize("name", ["run.db", "scan.jpg", "x.xlsx", "-"])
def test_the_name_must_tell_the_format(out: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"does not end in \.csv"):
        hand_over(out, "csv", out / name)


def test_csv_has_the_figures_of_the_run(out: Path) -> None:
    with hand_over(out, "csv").path.open() as handed, (out / "fields.csv").open() as own:
        rows = list(csv.DictReader(handed))
        assert [row.pop("read_value") for row in rows] == [row["value"] for row in rows]
        assert rows == list(csv.DictReader(own))


@pytest.mark.parametrize("to", ["csv", "xlsx", "parquet", "json"])
def test_what_the_machine_had_read_stands_behind_what_people_have_corrected(out: Path, to: Format) -> None:
    made = Correction("=a.png", 1, "", field("r01f01", "001"), "007", "007", "ada", "table", "2026-01-01")
    write_corrections(out / "corrections.csv", [made])
    rows = read_back(hand_over(out, to).path, to)
    assert [(row["value"], row["read_value"]) for row in rows] == [("007", "001"), ("", ""), ("12", "12")]


def test_what_is_not_there_or_cannot_be_written(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoInputError, match=r"fields\.csv"):
        hand_over(tmp_path / "nowhere", "csv")
    with pytest.raises(OutputError, match="cannot be written"):
        hand_over(out, "csv", tmp_path / "nowhere" / "x.csv")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(OutputError, match=r"scanner\[parquet\]"):
        hand_over(out, "parquet")

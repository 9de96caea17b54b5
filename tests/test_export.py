"""The CSV contract, and that earlier tables are replaced only by finished ones."""

import csv
import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.errors import OutputError
from scanner.export import (
    FIELD_COLUMNS,
    PAGE_COLUMNS,
    REVIEW_COLUMNS,
    PageResult,
    RunSummary,
    SkippedFile,
    write_tables,
)
from scanner.fields import FieldReading
from scanner.pipeline import PageFailure, PageReading
from scanner.staging import output_folder

NOTES = SkippedFile("notes.txt", "unknown_type", "not an image")


def field(
    name: str = "r01f01", *, status: str = "accepted", confidence: float = 0.99876, cells: str = "0_42"
) -> FieldReading:
    quads = tuple(((x, 5.0), (x + 10.0, 5.0), (x + 10.0, 20.0), (x, 20.0)) for x in (10.0, 20.0, 30.0, 40.0))
    return FieldReading(
        name=name,
        value="".join(char for char in cells if char.isdigit()),
        confidence=confidence,
        status=status,
        reason="" if status == "accepted" else "low_confidence",
        cells=cells,
        digit_confidences=(0.99999, 1.0, 0.5, 0.12345),
        box_xywh=(10, 5, 40, 15),
        cell_quads=quads,
    )


def page(file: str = "a.png", number: int = 1, *fields: FieldReading) -> PageReading:
    return PageReading(file=file, page=number, fields=fields, seconds=0.12345)


def failure(file: str = "broken.png") -> PageFailure:
    return PageFailure(file=file, page=0, reason="damaged", detail="ends in the middle, after 12 bytes", seconds=0.002)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_without_pages_still_writes_headers(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    summary = write_tables(tmp_path / "out", [])
    assert summary == RunSummary()
    for name, columns in (("fields", FIELD_COLUMNS), ("review", REVIEW_COLUMNS), ("pages", PAGE_COLUMNS)):
        assert (tmp_path / "out" / f"{name}.csv").read_bytes() == ",".join(columns).encode() + b"\n"
    assert names(tmp_path / "out") == ["fields.csv", "pages.csv", "review.csv"]


def test_columns_are_those_that_other_programs_read() -> None:
    assert ",".join(FIELD_COLUMNS) == (
        "file,page,form,field,value,confidence,status,reason,cells,digit_confidences,x,y,width,height"
    )
    assert ",".join(REVIEW_COLUMNS) == ",".join(FIELD_COLUMNS) + ",crop,correct_value,runner_up"
    assert ",".join(PAGE_COLUMNS) == (
        "file,page,form,status,reason,detail,fields,accepted,review,blank,seconds,residual_mm"
    )


def test_every_cell_of_a_field_has_its_format(tmp_path: Path) -> None:
    write_tables(tmp_path, [page("a.png", 2, field())])
    assert (tmp_path / "fields.csv").read_text().splitlines()[1] == (
        "a.png,2,,r01f01,042,0.9988,accepted,,0_42,1.0000;1.0000;0.5000;0.1235,10,5,40,15"
    )


def test_every_cell_of_a_page_has_its_format(tmp_path: Path) -> None:
    registered = dataclasses.replace(page("a.png", 1, field()), form="exam", residual_mm=0.25)
    empty = PageReading(file="b.png", page=3, fields=(), seconds=0.5, reason="no_fields", detail="no rows of boxes")
    write_tables(tmp_path, [registered, empty, failure()], skipped=[NOTES])
    assert (tmp_path / "pages.csv").read_text().splitlines()[1:] == [
        "a.png,1,exam,read,,,1,1,0,0,0.123,0.250",
        "b.png,3,,read,no_fields,no rows of boxes,0,0,0,0,0.500,",
        'broken.png,0,,failed,damaged,"ends in the middle, after 12 bytes",0,0,0,0,0.002,',
        "notes.txt,0,,skipped,unknown_type,not an image,0,0,0,0,,",
    ]


def test_review_has_the_least_sure_first_and_room_for_the_correct_value(tmp_path: Path) -> None:
    sure, unsure, blank = field("r1"), field("r2", status="review", confidence=0.7), field("r3", status="blank")
    worst = dataclasses.replace(field("r1", status="review", confidence=0.2), crop="crops/b.png-r1.png")
    write_tables(tmp_path, [page("a.png", 1, sure, unsure, blank), page("b.png", 1, worst)])
    review = rows(tmp_path / "review.csv")
    assert [(row["file"], row["field"], row["crop"]) for row in review] == [
        ("b.png", "r1", "crops/b.png-r1.png"),
        ("a.png", "r2", ""),
    ]
    assert {row["correct_value"] for row in review} == {""}
    assert len(rows(tmp_path / "fields.csv")) == 4


def test_equal_confidences_stay_in_input_order(tmp_path: Path) -> None:
    pages = [page(f"{number}.png", 1, field(status="review", confidence=0.5)) for number in range(9)]
    write_tables(tmp_path, pages)
    assert [row["file"] for row in rows(tmp_path / "review.csv")] == [f"{number}.png" for number in range(9)]


@pytest.mark.parametrize("name", ["größe/é 数.png", 'a,"b".png', "two\nlines.png", "return\rhere.png", " a.png"])
def test_file_names_come_back_from_the_table(tmp_path: Path, name: str) -> None:
    write_tables(tmp_path, [page(name, 1, field(status="review"))], skipped=[SkippedFile(name, "", "")])
    for table in ("fields", "review", "pages"):
        assert {row["file"] for row in rows(tmp_path / f"{table}.csv")} == {name}


@pytest.mark.parametrize("name", ["=1+1.png", "+a.png", "-a.png", "@a.png", "\ta.png"])
def test_no_file_name_is_a_formula_in_a_spreadsheet(tmp_path: Path, name: str) -> None:
    write_tables(tmp_path, [page(name, 1, field())])
    assert {row["file"] for row in rows(tmp_path / "fields.csv")} == {f"./{name}"}


def test_names_that_are_not_utf8_leave_the_table_utf8(tmp_path: Path) -> None:
    write_tables(tmp_path, [failure(os.fsdecode(b"a\xff.png"))])
    assert rows(tmp_path / "pages.csv")[0]["file"] == "a\\udcff.png"


def test_the_summary_counts_everything(tmp_path: Path) -> None:
    fields = (field("r1"), field("r2", status="review"), field("r3", status="blank"), field("r4"))
    summary = write_tables(tmp_path, [page("a.png", 1, *fields), failure(), page("b.png")], skipped=[NOTES])
    assert summary == RunSummary(pages=2, fields=4, accepted=2, review=1, blank=1, failed=1, skipped=1)


def test_the_summary_line_is_the_one_of_the_contract() -> None:
    summary = RunSummary(pages=412, fields=20_600, accepted=20_143, review=431, blank=26, failed=3)
    assert summary.line(Path("output")) == (
        "412 pages, 20,600 fields: 20,143 accepted, 431 to review, 26 blank; 3 pages failed (output/pages.csv)"
    )
    assert RunSummary(pages=1, fields=1, accepted=1, failed=1).line(Path("o")) == (
        "1 page, 1 field: 1 accepted, 0 to review, 0 blank; 1 page failed (o/pages.csv)"
    )
    assert RunSummary(pages=1, fields=1, accepted=1, failed=2, skipped=1).line(Path("o")) == (
        "1 page, 1 field: 1 accepted, 0 to review, 0 blank; 2 pages failed, 1 file skipped (o/pages.csv)"
    )
    assert RunSummary(skipped=2).line(Path("o")).endswith(" blank; 2 files skipped (o/pages.csv)")
    assert RunSummary().line(Path("o")) == "0 pages, 0 fields: 0 accepted, 0 to review, 0 blank"


def test_the_exit_code_tells_the_worst() -> None:
    assert RunSummary(pages=1, skipped=1).exit_code == 0
    assert RunSummary(pages=1, failed=1, new_failed=1).exit_code == 8
    assert RunSummary(pages=1, failed=1).exit_code == 0  # it was told of before
    assert RunSummary(pages=1, failed=1, is_interrupted=True).exit_code == 130


def test_the_summary_tells_what_is_new_and_what_is_gone() -> None:
    line = RunSummary(pages=3, failed=1, new=2, gone=1).line(Path("out"))
    assert line.startswith("3 pages (2 new), 0 fields: ")
    assert line.endswith("; 1 file read earlier no longer there (--prune leaves them out)")
    assert "new" not in RunSummary(pages=3, failed=1, new=4).line(Path("out"))


def test_a_crash_in_the_middle_leaves_the_earlier_tables_untouched(tmp_path: Path) -> None:
    write_tables(tmp_path, [page("old.png", 1, field())])
    before = contents(tmp_path)

    with pytest.raises(ZeroDivisionError):
        write_tables(tmp_path, crashing())
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def crashing() -> Iterator[PageResult]:
    yield page("new.png", 1, field())
    raise ZeroDivisionError


def test_finished_tables_replace_the_earlier_ones_and_nothing_else(tmp_path: Path) -> None:
    write_tables(tmp_path, [page("old.png", 1, field())])
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "forms.csv").write_text("file,page,form,status,problem,number\n")
    write_tables(tmp_path, [page("new.png", 1, field())])
    assert [row["file"] for row in rows(tmp_path / "fields.csv")] == ["new.png"]
    assert names(tmp_path) == ["fields.csv", "notes.txt", "pages.csv", "review.csv"]


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "half.csv").write_text("half")
    write_tables(tmp_path, [page()])
    assert names(tmp_path) == ["fields.csv", "pages.csv", "review.csv"]


def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OutputError, match=r"file.*--output"), output_folder(output):
            pytest.fail("it was opened")


@pytest.mark.parametrize("name", ["pages.csv", "fields.csv", "review.csv", "crops", "overlays"])
def test_what_scanner_has_not_written_it_does_not_replace(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("file,page\nmine,1\n")
    with pytest.raises(OutputError, match=name), output_folder(tmp_path):
        pytest.fail("it was opened")
    assert (tmp_path / name).read_text() == "file,page\nmine,1\n"


def test_two_runs_do_not_write_to_one_folder_and_the_second_says_who_is_first(tmp_path: Path) -> None:
    with output_folder(tmp_path):
        program = "import pathlib, sys, scanner.staging as s; s.output_folder(pathlib.Path(sys.argv[1])).__enter__()"
        result = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert f"RunningError: {tmp_path}: process {os.getpid()} on " in result.stderr
        assert "since 0 minutes" in result.stderr
    with output_folder(tmp_path):
        write_tables(tmp_path, [page()])


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left on device"), output_folder(tmp_path):
        raise OSError(28, "No space left on device")

"""Results to files: fields.csv, review.csv, pages.csv and forms.csv.

Rows go to the files page by page; nothing but one page is held in memory.
"""

import csv
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from scanner.errors import INTERRUPTED, OK, SOME_PAGES_FAILED
from scanner.fields import FieldReading
from scanner.pipeline import PageFailure, PageReading, PageResult
from scanner.staging import FORMS, staging_folder

if TYPE_CHECKING:
    from scanner.documents import Assembler, Document

FIELD_COLUMNS = (
    *("file", "page", "form", "field", "value", "confidence", "status", "reason", "cells", "digit_confidences"),
    *("x", "y", "width", "height"),
)
REVIEW_COLUMNS = (*FIELD_COLUMNS, "crop", "correct_value", "runner_up")
PAGE_COLUMNS = (
    *("file", "page", "form", "status", "reason", "detail", "fields", "accepted", "review", "blank"),
    *("seconds", "residual_mm"),
)
CORRECTION_COLUMNS = (
    *("file", "page", "form", "field", "value", "cells", "read_value", "read_cells", "read_confidence", "read_status"),
    *("who", "way", "at"),
)
FORM_COLUMNS = ("file", "page", "form", "status", "problem")  # and one a field
STATUSES = ("accepted", "review", "blank", "corrected")

PAGE_STATUSES = STATUSES[:3]  # those that pages.csv counts

Row: TypeAlias = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was found but not opened, and why."""

    file: str  # relative to the input folder
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A field that a person has settled, and what the machine has `read`; for `way` see `scanner.review`."""

    file: str
    page: int
    form: str
    read: FieldReading
    value: str
    cells: str
    who: str
    way: str
    at: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to: `pages` were read, `failed` were not, `skipped` files were never opened."""

    pages: int = 0
    fields: int = 0
    accepted: int = 0
    review: int = 0
    blank: int = 0
    corrected: int = 0  # settled by people
    failed: int = 0
    skipped: int = 0
    incomplete: int = 0  # documents that lack pages
    lost: int = 0  # what people have said of places where no field is found any more
    new: int | None = None  # pages of them that this run has read
    new_failed: int = 0  # pages that have failed since a run told of failures
    failures: tuple[str, ...] = ()  # the first of them: file, page, reason and detail
    young: int = 0  # files that are left until they are settled
    gone: int = 0  # files that were read and are there no more
    is_interrupted: bool = False
    guarantee: str = ""  # what --target-error promises, and what it costs
    kept_review: Path | None = None  # where a review.csv was put aside that somebody had written to

    @property
    def exit_code(self) -> int:
        if self.is_interrupted:
            return INTERRUPTED
        return SOME_PAGES_FAILED if self.new_failed else OK

    def line(self, output: Path) -> str:
        """The summary in one line; `output` is the folder of pages.csv."""
        new = "" if self.new is None or self.new == self.pages + self.failed else f" ({self.new:,} new)"
        pages = f"{_count(self.pages, 'page')}{new}, {_count(self.fields, 'field')}"
        corrected = f"{self.corrected:,} corrected, " if self.corrected else ""
        fields = f"{self.accepted:,} accepted, {corrected}{self.review:,} to review, {self.blank:,} blank"
        failed = [f"{_count(self.failed, 'page')} failed"] if self.failed else []
        skipped = [f"{_count(self.skipped, 'file')} skipped"] if self.skipped else []
        amiss = f"; {', '.join(failed + skipped)} ({output / 'pages.csv'})" if failed or skipped else ""
        more = (
            (self.incomplete, "document", f"incomplete ({output / FORMS})"),
            (self.gone, "file", "read earlier no longer there (--prune leaves them out)"),
            (self.lost, "correction", "of places where no field is found now"),
        )
        rest = "".join(f"; {_count(number, noun)} {what}" for number, noun, what in more if number)
        return f"{pages}: {fields}{amiss}{rest}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write_tables(
    output: Path,
    results: Iterable[PageResult],
    *,
    skipped: Iterable[SkippedFile] = (),
    documents: "Assembler | None" = None,
    finish: Callable[[Path, Sequence[SkippedFile]], object] = lambda folder, skipped: None,
    replacing: Callable[[], object] = lambda: None,
) -> RunSummary:
    """Write the tables of a run into the folder `output`, page by page as `results` yields them; or raise OSError.

    Args:
        output: where earlier tables are replaced when these are finished, not before.
        results: pages in input order.
        skipped: files that were not opened; asked for when `results` has ended.
        documents: puts pages of forms together for forms.csv; without it there is none.
        finish: writes what else belongs to the tables into a folder, when all results are through.
        replacing: called right before earlier tables are replaced.
    """
    counts: Counter[str] = Counter()
    with staging_folder(output, replacing) as folder, ExitStack() as stack:
        write_fields = stack.enter_context(_table(folder / "fields.csv", FIELD_COLUMNS))
        write_pages = stack.enter_context(_table(folder / "pages.csv", PAGE_COLUMNS))
        write_review = stack.enter_context(_review_table(folder / "review.csv"))
        write_forms = stack.enter_context(_forms_table(folder / FORMS, documents)) if documents else None
        for result in results:
            write_fields(_field_rows(result))
            write_review(_review_rows(result))
            write_pages([_page_row(result)])
            if documents and write_forms:
                counts += write_forms(documents.add(result))
            counts += _counts(result)
        if documents and write_forms:
            counts += write_forms(documents.close())
        left = list(skipped)
        write_pages(map(_skipped_row, left))
        counts["skipped"] = len(left)
        finish(folder, left)
    return RunSummary(
        pages=counts["pages"],
        fields=counts["fields"],
        accepted=counts["accepted"],
        review=counts["review"],
        blank=counts["blank"],
        corrected=counts["corrected"],
        failed=counts["failed"],
        skipped=counts["skipped"],
        incomplete=counts["incomplete"],
    )


@contextmanager
def _table(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Iterable[Row]], None]]:
    """A CSV file that is on the disk when the block ends."""
    # Names of files may hold bytes that are not UTF-8; the table is UTF-8 all the same.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        write = _row_writer(file)
        write([columns])
        yield write
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _review_table(path: Path) -> Iterator[Callable[[Iterable[tuple[float, Row]]], None]]:
    """review.csv, sorted by confidence when the block ends; on disk, as there may be millions."""
    with closing(sqlite3.connect("")) as sorter:  # a temporary file of SQLite's own
        sorter.execute("CREATE TABLE rows (confidence REAL, row TEXT)")

        def write_rows(rows: Iterable[tuple[float, Row]]) -> None:
            sorter.executemany("INSERT INTO rows VALUES (?, ?)", ((key, json.dumps(row)) for key, row in rows))

        yield write_rows
        with _table(path, REVIEW_COLUMNS) as write:
            write(json.loads(row) for (row,) in sorter.execute("SELECT row FROM rows ORDER BY confidence, rowid"))


@contextmanager
def _forms_table(path: Path, documents: "Assembler") -> Iterator[Callable[[Iterable["Document"]], Counter[str]]]:
    """forms.csv; what writes into it counts the documents that are not complete."""
    with _table(path, (*FORM_COLUMNS, *documents.names)) as write_rows:

        def write(finished: Iterable["Document"]) -> Counter[str]:
            counts: Counter[str] = Counter()
            for document in finished:
                write_rows([document_row(document, documents.names)])
                counts["incomplete"] += not document.is_complete
            return counts

        yield write


def write_corrections(path: Path, made: Iterable[Correction]) -> None:
    """Write what people have settled, with what the machine had read."""
    with _table(path, CORRECTION_COLUMNS) as write:
        write(map(_correction_row, made))


def _correction_row(made: Correction) -> Row:
    read = made.read
    return (
        *(path_cell(made.file), made.page, made.form, read.name, made.value, made.cells),
        *(read.value, read.cells, f"{read.confidence:.4f}", read.status, path_cell(made.who), made.way, made.at),
    )


def _row_writer(file: TextIO) -> Callable[[Iterable[Row]], None]:
    plain = csv.writer(file, lineterminator="\n")
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(rows: Iterable[Row]) -> None:
        for row in rows:
            has_return = any("\r" in cell for cell in row if isinstance(cell, str))  # Python 3.11 leaves it unquoted
            (quoted if has_return else plain).writerow(row)

    return write


def _counts(result: PageResult) -> Counter[str]:
    if isinstance(result, PageFailure):
        return Counter(failed=1)
    statuses = Counter(field.status for field in result.fields)
    return Counter(pages=1, fields=len(result.fields), **{status: statuses[status] for status in STATUSES})


def _field_rows(result: PageResult) -> list[Row]:
    return [field_row(result, field) for field in result.fields] if isinstance(result, PageReading) else []


def field_row(page: PageReading, field: FieldReading) -> Row:
    return (
        *(path_cell(page.file), page.page, page.form, field.name),
        *(field.value, f"{field.confidence:.4f}", field.status, field.reason),
        *(field.cells, ";".join(f"{confidence:.4f}" for confidence in field.digit_confidences)),
        *field.box_xywh,
    )


def _review_rows(result: PageResult) -> list[tuple[float, Row]]:
    if isinstance(result, PageFailure):
        return []
    return [
        (field.confidence, (*field_row(result, field), field.crop, "", field.runner_up))
        for field in result.fields
        if field.status == "review"
    ]


def _page_row(result: PageResult) -> Row:
    counts = _counts(result)
    statuses = (counts[status] for status in PAGE_STATUSES)
    numbers: Row = (counts["fields"], *statuses, f"{result.seconds:.3f}")
    if isinstance(result, PageFailure):
        return (path_cell(result.file), result.page, "", "failed", result.reason, result.detail, *numbers, "")
    residual = "" if result.residual_mm is None else f"{result.residual_mm:.3f}"
    page = (path_cell(result.file), result.page, result.form, "read", result.reason, result.detail)
    return (*page, *numbers, residual)


def document_row(document: "Document", names: Sequence[str]) -> Row:
    """One row a document: where its first page is, what a person has to look at, and its numbers by name."""
    first, fields = document.pages[0], document.fields
    values = (fields[name].value if name in fields else "" for name in names)
    return (path_cell(first.file), first.page, document.form, document.status, document.problem, *values)


def _skipped_row(file: SkippedFile) -> Row:
    return (path_cell(file.file), 0, "", "skipped", file.reason, file.detail, 0, 0, 0, 0, "", "")


def path_cell(path: str) -> str:
    """`=x.png` would be a formula in a spreadsheet; `./=x.png` is the same file and is none."""
    return f"./{path}" if path.startswith(("=", "+", "-", "@", "\t", "\r")) else path


def plain_path(cell: str) -> str:
    """The path that `path_cell` has made this cell of."""
    path = cell.removeprefix("./")
    return path if path_cell(path) == cell else cell

"""Results to files: fields.csv, review.csv and pages.csv, beside the pictures that are cut while pages are read.

Rows go to the files page by page; nothing but one page, and the rows for review, is held in memory.
"""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from scanner.errors import INTERRUPTED, OK, SOME_PAGES_FAILED
from scanner.fields import FieldReading
from scanner.pipeline import PageFailure, PageReading, PageResult
from scanner.staging import interrupted_folder, publish, staging_folder

if TYPE_CHECKING:
    from scanner.documents import Assembler, Document

FIELD_COLUMNS = (
    *("file", "page", "form", "field", "value", "confidence", "status", "reason", "cells", "digit_confidences"),
    *("x", "y", "width", "height"),
)
REVIEW_COLUMNS = (*FIELD_COLUMNS, "crop", "correct_value")
PAGE_COLUMNS = (
    *("file", "page", "form", "status", "reason", "detail", "fields", "accepted", "review", "blank"),
    *("seconds", "residual_mm"),
)
FORM_COLUMNS = ("file", "page", "form", "status", "problem")  # and one a field
STATUSES = ("accepted", "review", "blank")

Pictures: TypeAlias = Callable[[Path, PageReading], Mapping[str, str]]
"""Writes the pictures of a page below a folder; gives for each field that has a crop its path in that folder."""
Row: TypeAlias = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was found but not opened, and why."""

    file: str  # relative to the input folder
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to: `pages` were read, `failed` were not, `skipped` files were never opened."""

    pages: int = 0
    fields: int = 0
    accepted: int = 0
    review: int = 0
    blank: int = 0
    failed: int = 0
    skipped: int = 0
    incomplete: int = 0  # documents that lack pages
    interrupted_in: Path | None = None  # where an interrupted run was written

    @property
    def exit_code(self) -> int:
        if self.interrupted_in:
            return INTERRUPTED
        return SOME_PAGES_FAILED if self.failed else OK

    def line(self, output: Path) -> str:
        """The summary in one line; `output` is the folder of pages.csv."""
        pages = f"{_count(self.pages, 'page')}, {_count(self.fields, 'field')}"
        fields = f"{self.accepted:,} accepted, {self.review:,} to review, {self.blank:,} blank"
        failed = [f"{_count(self.failed, 'page')} failed"] if self.failed else []
        skipped = [f"{_count(self.skipped, 'file')} skipped"] if self.skipped else []
        amiss = f"; {', '.join(failed + skipped)} ({output / 'pages.csv'})" if failed or skipped else ""
        lacking = (
            f"; {_count(self.incomplete, 'document')} incomplete ({output / 'forms.csv'})" if self.incomplete else ""
        )
        return f"{pages}: {fields}{amiss}{lacking}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write_results(
    output: Path,
    results: Iterable[PageResult],
    *,
    skipped: Iterable[SkippedFile] = (),
    pictures: Pictures | None = None,
    documents: "Assembler | None" = None,
) -> RunSummary:
    """Write a run into the folder `output`, page by page as `results` yields them.

    Args:
        output: made if it is missing. An earlier run in it is replaced when this one is finished, not before.
        results: pages in input order. A KeyboardInterrupt out of it ends the run: what was finished is written to
            `interrupted_folder(output)`.
        skipped: files that were not opened; asked for when `results` has ended.
        pictures: writes crops and overlays of a page; without it there are none.
        documents: puts pages of forms together for forms.csv; without it there is none.

    Raises:
        OutputError: `output` cannot be written, is being written, or holds files that are not of a run.
    """
    with staging_folder(output) as staging:
        summary, is_finished = _write_run(staging, results, skipped, pictures, documents)
        if is_finished:
            publish(staging, output)
            return summary
        folder = interrupted_folder(output)
        publish(staging, folder)
        return replace(summary, interrupted_in=folder)


def _write_run(
    folder: Path,
    results: Iterable[PageResult],
    skipped: Iterable[SkippedFile],
    pictures: Pictures | None,
    documents: "Assembler | None",
) -> tuple[RunSummary, bool]:
    """What was written, and whether it is all."""
    counts: Counter[str] = Counter()
    review: list[tuple[float, Row]] = []
    is_finished = True
    with ExitStack() as stack:
        write_fields = stack.enter_context(_table(folder / "fields.csv", FIELD_COLUMNS))
        write_pages = stack.enter_context(_table(folder / "pages.csv", PAGE_COLUMNS))
        write_forms = stack.enter_context(_forms_table(folder / "forms.csv", documents)) if documents else None
        try:
            for result in _read(results):
                crops = pictures(folder, result) if pictures and isinstance(result, PageReading) else {}
                write_fields(_field_rows(result))
                review += _review_rows(result, crops)
                write_pages([_page_row(result)])
                if documents and write_forms:
                    counts += write_forms(documents.add(result))
                counts += _counts(result)
        except KeyboardInterrupt:
            is_finished = False
        if documents and write_forms:
            counts += write_forms(documents.close())
        skipped_rows = [_skipped_row(file) for file in skipped]
        write_pages(skipped_rows)
    with _table(folder / "review.csv", REVIEW_COLUMNS) as write_review:
        write_review(row for _, row in sorted(review, key=itemgetter(0)))
    summary = RunSummary(
        pages=counts["pages"],
        fields=counts["fields"],
        accepted=counts["accepted"],
        review=counts["review"],
        blank=counts["blank"],
        failed=counts["failed"],
        skipped=len(skipped_rows),
        incomplete=counts["incomplete"],
    )
    return summary, is_finished


def _read(results: Iterable[PageResult]) -> Iterator[PageResult]:
    """An OSError of reading is a bug, not a disk that is full."""
    try:
        yield from results
    except OSError as error:
        raise RuntimeError(f"reading pages: {error}") from error


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


def _review_rows(result: PageResult, crops: Mapping[str, str]) -> list[tuple[float, Row]]:
    if isinstance(result, PageFailure):
        return []
    return [
        (field.confidence, (*field_row(result, field), crops.get(field.name, ""), ""))
        for field in result.fields
        if field.status == "review"
    ]


def _page_row(result: PageResult) -> Row:
    counts = _counts(result)
    numbers: Row = (counts["fields"], *(counts[status] for status in STATUSES), f"{result.seconds:.3f}")
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

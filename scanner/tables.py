"""Readings as pandas tables, with the columns of the CSV files."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from scanner.export import FIELD_COLUMNS, FORM_COLUMNS, Row, document_row, field_row
from scanner.pipeline import PageReading, PageResult

if TYPE_CHECKING:
    import pandas as pd

    from scanner.documents import Assembler, Document
    from scanner.known import KnownForm

NUMBERS = ("confidence", "x", "y", "width", "height", "page")


def to_frame(results: Iterable[PageResult], forms: "Sequence[KnownForm]" = ()) -> "pd.DataFrame":
    """Readings as a table: a row a field, as in fields.csv; with `forms` a row a document, as in forms.csv.

    Args:
        results: of `read_pages`; pages that failed have no row.
        forms: those that the pages were read with.

    Returns:
        Numbers as text, as they were written, with their zeros; confidences and places as numbers.
    """
    import pandas as pd

    if forms:
        from scanner.documents import Assembler

        assembler = Assembler(forms)
        rows: list[Row] = [document_row(each, assembler.names) for each in _documents(assembler, results)]
        columns: tuple[str, ...] = (*FORM_COLUMNS, *assembler.names)
    else:
        pages = [result for result in results if isinstance(result, PageReading)]
        rows, columns = [field_row(page, field) for page in pages for field in page.fields], FIELD_COLUMNS
    table = pd.DataFrame(rows, columns=list(columns), dtype=object)
    for name in NUMBERS:
        if name in (FORM_COLUMNS if forms else FIELD_COLUMNS):
            table[name] = pd.to_numeric(table[name])
    return table


def _documents(assembler: "Assembler", results: Iterable[PageResult]) -> "Iterator[Document]":
    for result in results:
        yield from assembler.add(result)
    yield from assembler.close()

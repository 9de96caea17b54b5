"""review.csv as a person gives it back, in whatever dialect their spreadsheet has saved it."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import MistakesError

BOX = ("x", "y", "width", "height")
SHORT_NUMBER = re.compile(r"-?[0-9]{1,9}")
NEEDED = ("file", "page", "field", "correct_value")
DELIMITERS = ",;\t"
MOST_PAGE_DIGITS = 9
MOST_BYTES = 512 * 1024**2
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: which field, what the table says was read and where (None without these columns), what was typed."""

    line: int
    file: str
    page: int
    field: str
    value: str | None
    typed: str
    box: tuple[int, int, int, int] | None = None
    form: str | None = None
    cells: str | None = None


class SheetError(MistakesError):
    """The table cannot be taken in. Each argument is one of its mistakes."""

    exit_code = 3


def read_sheet(path: Path) -> list[SheetRow]:
    """The rows of a table.

    Raises:
        SheetError: it cannot be read, or lacks columns.
    """
    text = _text(path).removeprefix("\ufeff")
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == len("sep=") + 1:  # Excel's own hint
        delimiter, text, skipped = first.strip()[-1], rest, 1
    else:
        delimiter, skipped = max(DELIMITERS, key=first.count), 0
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(rows, [])]
        missing = [name for name in NEEDED if columns.count(name) != 1]
        if missing:
            there = ", ".join(columns) or "nothing"
            raise SheetError(f"{path}: no column {', '.join(missing)}, or more than one; its first line has {there}")
        found, mistakes = [], []
        for cells in rows:
            if any(cell.strip() for cell in cells):
                try:
                    found.append(_row(rows.line_num + skipped, columns, cells))
                except ValueError as error:
                    mistakes.append(f"{path}, line {rows.line_num + skipped}: {error}")
    except csv.Error as error:
        raise SheetError(f"{path}, line {rows.line_num + skipped}: {error}; save it as CSV once more") from error
    if mistakes:
        raise SheetError(*mistakes)
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SheetError(f"{path}: is larger than any table of corrections")
        data = path.read_bytes()
    except OSError as error:
        raise SheetError(f"{path}: {error.strerror}; name the review.csv that was filled in") from error
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        raise SheetError(f"{path}: is a workbook; save it as CSV, best as `CSV UTF-8`")
    encoding = next((name for bom, name in BOMS if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what Excel writes on Windows as plain CSV


def _row(line: int, columns: Sequence[str], cells: Sequence[str]) -> SheetRow:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        raise ValueError(f"has {len(cells)} cells, the first line {len(columns)}")
    row = dict(zip(columns, [*cells, *[""] * (len(columns) - len(cells))], strict=False))
    page = row["page"].strip()
    if not (page.isascii() and page.isdigit() and len(page) <= MOST_PAGE_DIGITS):
        raise ValueError(f"page {page!r} is no number")
    box = [row.get(name, "").strip() for name in BOX]
    place = (int(box[0]), int(box[1]), int(box[2]), int(box[3])) if all(map(SHORT_NUMBER.fullmatch, box)) else None
    return SheetRow(
        line, row["file"], int(page), row["field"].strip(), row.get("value"), row["correct_value"], place,
        row.get("form"), row.get("cells"),
    )  # fmt: skip

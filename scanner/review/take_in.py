"""A filled table of corrections taken into the book of a run folder: all of it, or nothing where it has mistakes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.export import plain_path
from scanner.fields import FieldReading, digits_in
from scanner.ledger import Ledger, now_text
from scanner.network import CROSSED
from scanner.pipeline import PageReading
from scanner.review.apply import Corrections, Said, is_same_place
from scanner.review.book import Book, FieldKey, Verdict, Way
from scanner.review.meaning import EXPONENT, Impossible, Meant, meaning_of
from scanner.review.sheet import SheetError, SheetRow, read_sheet

if TYPE_CHECKING:
    from scanner.known import KnownForm

MOST_TOLD = 50  # mistakes of a table
CACHED = 1000  # pages


@dataclass(slots=True)
class TakenIn:
    """What came of a table: fields that are now other than read, as read, unreadable, or were settled so before.

    `doubts` tells of numbers that break a rule of their form: a person has seen them, so they are taken.
    """

    changed: int = 0
    confirmed: int = 0
    unreadable: int = 0
    known: int = 0
    doubts: tuple[str, ...] = ()


def take_in(ledger: Ledger, book: Book, table: Path, who: str, forms: "Sequence[KnownForm]" = ()) -> TakenIn:
    """Read a filled review.csv and write what it says into the book.

    Raises:
        SheetError: it cannot be read, or has mistakes; then nothing is taken.
        OutputError: the book cannot be written.
    """
    taken = TakenIn()
    mistakes: list[str] = []
    verdicts: dict[FieldKey, Verdict] = {}
    typed: list[tuple[str, FieldKey, Meant]] = []
    for where, row, page, digest, reading, meant in _meant(ledger, table, forms, mistakes):
        key = FieldKey(digest, page.page, page.form, reading.name)
        verdict = make_verdict(key, reading, meant, who)
        if key in verdicts and not verdicts[key].says_same(verdict):
            mistakes.append(f"{where}: {row.field} of page {row.page} of {row.file} has two different corrections")
        verdicts[key] = verdict
        typed.append((where, key, meant))
    if mistakes:
        told = mistakes[:MOST_TOLD]
        more = [f"and {len(mistakes) - len(told)} more"] if len(mistakes) > len(told) else []
        raise SheetError(*told, *more, f"{table}: nothing of it was taken in")
    new = []
    for key, verdict in verdicts.items():
        before = Said(book.of_page(key.digest, key.page)).settled(key.digest, key.page, verdict.box)
        if before is not None and before.says_same(verdict):
            taken.known += 1
            continue
        new.append(verdict)
        if not verdict.is_readable:
            taken.unreadable += 1
        elif verdict.value == verdict.seen_value:
            taken.confirmed += 1
        else:
            taken.changed += 1
    if new:
        book.add(new)
    return replace(taken, doubts=tuple(_doubts(typed, ledger, book, forms))) if forms else taken


def _doubts(
    typed: Sequence[tuple[str, FieldKey, Meant]], ledger: Ledger, book: Book, forms: "Sequence[KnownForm]"
) -> Iterator[str]:
    """Which of the numbers break a rule of their form, beside all that was said of their pages."""

    @lru_cache(maxsize=CACHED)
    def page_of(digest: str, number: int) -> PageReading | None:
        page = ledger.page_of(digest, number)
        return None if page is None else Corrections(book).applied(digest, page)

    for where, key, meant in typed:
        page = page_of(key.digest, key.page)
        if page is not None and (broken := broken_rule(page, key.field, meant, forms)):
            yield f"{where}: {meant.value} {broken}"


def make_verdict(
    key: FieldKey, reading: FieldReading, meant: Meant, who: str, way: Way = "table", seconds: float | None = None
) -> Verdict:
    """What somebody has just said of a field that was read so."""
    return Verdict(
        key=key,
        value=meant.value,
        cells=meant.cells,
        is_readable=meant.is_readable,
        is_exact=meant.is_exact,
        seen_value=reading.value,
        seen_cells=reading.cells,
        seen_status=reading.status,
        box=reading.box_xywh,
        who=who,
        way=way,
        at=now_text(),
        seconds=seconds,
    )


def broken_rule(page: PageReading, name: str, meant: Meant, forms: "Sequence[KnownForm]") -> str:
    """Which rule of its form the number of a field breaks, beside the other fields of its page; empty where none."""
    known = next((each for each in forms if each.form.name == page.form), None)
    if known is None or not meant.is_readable:
        return ""
    from scanner.filled import value_of

    described = {field.name: field for field in known.form.fields}
    field = described.get(name)
    if field is not None and field.type == "mark" and not field.multiple and meant.cells.count(CROSSED) > 1:
        return "are several choices, where the form asks for one"
    rule = known.rules.get(name)
    if rule is not None and (broken := rule.broken_by(meant.value)):
        return broken
    cells: Mapping[str, str] = {each.name: each.cells for each in page.fields} | {name: meant.cells}
    for equation in known.equations:
        if name in equation.names and set(equation.names) <= cells.keys():
            values = {each: value_of(cells[each], described[each]) for each in equation.names}
            if equation.holds(values) is False:
                return f"does not fit {equation.text}"
    return ""


def _meant(
    ledger: Ledger, table: Path, forms: "Sequence[KnownForm]", mistakes: list[str]
) -> Iterator[tuple[str, SheetRow, PageReading, str, FieldReading, Meant]]:
    """Each row with something in it: where it stands, its page, the digest of its file, its field, what is meant."""
    rows = read_sheet(table)
    page_named = lru_cache(maxsize=CACHED)(ledger.page_named)

    def look_up(row: SheetRow) -> tuple[str, PageReading, FieldReading] | None:
        found = next(filter(None, (page_named(plain_path(name), row.page) for name in _names(row.file))), None)
        fields = found[1].fields if found else ()
        return next(((*found, each) for each in fields if found and each.name == row.field), None)

    has_lost_zeros = any(_has_lost_zeros(row.value, found[2].value) for row in rows if (found := look_up(row)))
    described = {(known.form.name, field.name): field for known in forms for field in known.form.fields}
    for row in rows:
        where = f"{table}, line {row.line}"
        if not row.typed.strip():
            continue
        found = look_up(row)
        if found is None:
            mistakes.append(f"{where}: there is no field {row.field} on page {row.page} of {row.file} in this run")
            continue
        digest, page, reading = found
        reading = _as_published(row, reading) if page.form else reading
        if mistake := _changed(row, page, reading):
            mistakes.append(f"{where}: {mistake}")
            continue
        try:
            field = described.get((page.form, row.field))
            meant = meaning_of(row.typed, reading, field=field, has_lost_zeros=has_lost_zeros)
        except Impossible as error:
            mistakes.append(f"{where}: {error}")
            continue
        if meant is not None:
            yield where, row, page, digest, reading, meant


def _changed(row: SheetRow, page: PageReading, reading: FieldReading) -> str:
    """Where the table no longer says what was read; empty where it does. It may leave columns out."""
    if row.form is not None and row.form.strip() != page.form:
        return f"the column form says {row.form!r}, the run {page.form!r}; it was read anew since, or changed by hand"
    if row.box is not None and not is_same_place(row.box, reading.box_xywh):
        return f"the page was read anew since, and {row.field} is another field now"
    for column, told, read in (("value", row.value, reading.value), ("cells", row.cells, reading.cells)):
        if not _is_untouched(told, read):
            return (
                f"the column {column} says {told!r}, the run {read!r}; "
                "it was read anew since, or changed by hand: what is right belongs into correct_value"
            )
    return ""


def _names(file: str) -> Iterator[str]:
    """What a file may be called: Excel takes UTF-8 for Windows' letters, unless it is told."""
    yield file
    with suppress(UnicodeError):
        yield file.encode("cp1252").decode("utf-8")


def _as_published(row: SheetRow, reading: FieldReading) -> FieldReading:
    """The reading as the tables had it: other pages may have settled a number that must be unique."""
    told = (row.value or "").strip().removeprefix("'")
    cells = next((cells for cells, _ in reading.alternatives if digits_in(cells) == told != reading.value), None)
    return reading if cells is None else replace(reading, value=told, cells=cells)


def _is_untouched(told: str | None, read: str) -> bool:
    """Whether the table still says what was read, if perhaps as spreadsheets write numbers."""
    if told is None:
        return True
    told = told.strip().removeprefix("'")
    return told == read or _has_lost_zeros(told, read) or EXPONENT.fullmatch(told) is not None


def _has_lost_zeros(told: str | None, read: str) -> bool:
    """Whether a program has taken what was read for a number, and its leading zeros away."""
    told = (told or "").strip()
    return told != read and told.isdigit() and read.isdigit() and told == (read.lstrip("0") or "0")

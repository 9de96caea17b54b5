"""What was read against what is written: fields of a run, or of a page, and their truth.

Fields are matched with the true ones by a monotone alignment in reading order: a pair must have the same number of
cells, and the most cells in all agree. What is matched is `found`; what is left over is `false`.
"""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Protocol

from scanner.errors import NoInputError
from scanner.export import path_cell
from scanner.ledger import Ledger, ledger_errors
from scanner.staging import LEDGER

PAIR_BONUS = 0.01  # of a pair without one agreeing cell: it breaks ties only, as a field has fewer than 100 cells
TRUTH_COLUMNS = {"file", "page", "cells"}
CELLS = re.compile("[0-9_xX?]+")
RUN_COLUMNS = {"file", "page", "cells", "status", "digit_confidences"}


class Reading(Protocol):
    """A field as read: one character a cell, and `accepted`, `review` or `blank`."""

    @property
    def cells(self) -> str: ...

    @property
    def status(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over one page or many.

    `accepted_wrong` are accepted fields whose number is not what is written, `wrong` their wrong digits;
    `accepted_false` are accepted fields that no text of the truth matches: marks taken for numbers, parts of rows, or
    numbers the truth leaves out.
    """

    truth: int = 0
    found: int = 0
    exact: int = 0
    digits: int = 0  # in found fields
    right: int = 0
    crossed: int = 0  # in found fields
    crossed_right: int = 0
    false: int = 0
    false_blank: int = 0
    accepted: int = 0  # found or not
    accepted_wrong: int = 0
    wrong: int = 0
    accepted_false: int = 0
    failed: int = 0  # pages

    def __add__(self, other: "Score") -> "Score":
        return Score(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Score)))

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


def score_page(readings: Sequence[Reading], truth: Sequence[str]) -> Score:
    """Compare the fields of a page with the cells written on it, both in reading order."""
    pairs = align([reading.cells for reading in readings], truth)
    matched = {read for read, _ in pairs}
    rest = [reading for index, reading in enumerate(readings) if index not in matched]
    found = sum((_score_field(readings[read], truth[true]) for read, true in pairs), Score())
    return found + Score(
        truth=len(truth),
        false=sum(reading.status != "blank" for reading in rest),
        false_blank=sum(reading.status == "blank" for reading in rest),
        accepted=sum(reading.status == "accepted" for reading in rest),
        accepted_false=sum(reading.status == "accepted" for reading in rest),
    )


def align(read: Sequence[str], true: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (index in `read`, index in `true`), both rising, whose cells agree most; lengths of a pair are equal."""
    best = [[0.0] * (len(true) + 1) for _ in range(len(read) + 1)]
    for i, cells in enumerate(read):
        for j, text in enumerate(true):
            pair = best[i][j] + _agreement(cells, text)
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], pair)
    pairs = []
    i, j = len(read), len(true)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _agreement(cells: str, text: str) -> float:
    if len(cells) != len(text):
        return -1.0
    same = sum(_is_right(cell, true) for cell, true in zip(cells, text, strict=True))
    return same + PAIR_BONUS if cells.strip("_") else float(same)


def _is_right(cell: str, true: str) -> bool:
    return cell == true.lower()


def _score_field(reading: Reading, text: str) -> Score:
    cells = [(cell, true, _is_right(cell, true)) for cell, true in zip(reading.cells, text, strict=True)]
    digits = [right for _, true, right in cells if true.isdigit()]
    crossed = [right for _, true, right in cells if true in "xX"]
    is_accepted = reading.status == "accepted"
    wrong = sum(cell.isdigit() and not right for cell, _, right in cells)
    return Score(
        found=1,
        exact=all(right for _, _, right in cells),
        digits=len(digits),
        right=sum(digits),
        crossed=len(crossed),
        crossed_right=sum(crossed),
        accepted=is_accepted,
        accepted_wrong=is_accepted and not all(right for _, _, right in cells),
        wrong=wrong if is_accepted else 0,
    )


@dataclass(frozen=True, slots=True)
class _ReadField:
    cells: str
    status: str
    confidences: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ReadCell:
    """A cell of a found field: what is written there, as what it was read, and how sure that was."""

    true: str
    read: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A run beside its truth: its score, and the cells of the fields that were found."""

    score: Score
    cells: tuple[ReadCell, ...]


def together(parts: Sequence[Compared]) -> Compared:
    """All of them as one."""
    return Compared(sum((each.score for each in parts), Score()), tuple(cell for each in parts for cell in each.cells))


def compare_run(run: Path, truths: Iterable[Path]) -> dict[str, Compared]:
    """Compare a run, the folder of its fields.csv, with truth files, each by its folder's name.

    A truth file is a CSV with the columns file, page, cells, a row a field in reading order, beside the scans it is
    about, as `scanner synth` writes it, with all fields of a page. Pages that the run failed, or has not seen,
    count as failed.

    Raises:
        NoInputError: a table is missing, or no table of this kind.
    """
    read: dict[tuple[str, str], list[_ReadField]] = {}
    for row in _rows(run / "pages.csv", {"file", "page", "status"}):
        if row["status"] == "read":
            read[row["file"], row["page"]] = []
    for row in _rows(run / "fields.csv", RUN_COLUMNS):
        read.setdefault((row["file"], row["page"]), []).append(_field_of(row))
    names = _names_in(run)
    compared: dict[str, Compared] = {}
    for path in dict.fromkeys(each.resolve() for each in truths):
        name, pages = path.parent.name, _written(path)
        fields_read = [_fields_of(path.parent / file, page, read, names) for file, page in pages]
        if all(each is None for each in fields_read):
            raise NoInputError(f"{path}: none of its pages is in the run; it must lie beside the scans it is about")
        found = list(map(_compare_page, fields_read, pages.values()))
        compared[name] = together([compared[name], *found] if name in compared else found)
    return compared


def _field_of(row: Mapping[str, str]) -> _ReadField:
    told = row["digit_confidences"].split(";") if row["digit_confidences"] else []
    try:
        return _ReadField(row["cells"], row["status"], tuple(map(float, told)))
    except ValueError as error:
        raise NoInputError(f"fields.csv: digit_confidences {row['digit_confidences']!r} are no numbers") from error


def _written(path: Path) -> dict[tuple[str, str], list[str]]:
    """The cells on each page, file and number, of a truth file."""
    written: dict[tuple[str, str], list[str]] = {}
    for line, row in enumerate(_rows(path, TRUTH_COLUMNS), start=2):
        page, cells = (row["page"] or "").strip(), (row["cells"] or "").strip()
        if not (page.isdecimal() and CELLS.fullmatch(cells)):
            raise NoInputError(
                f"{path}, line {line}: page {page!r} or cells {cells!r} cannot be; digits, _, x and ? can"
            )
        written.setdefault((row["file"] or "", page), []).append(cells)
    if not written:
        raise NoInputError(f"{path}: tells of no field")
    return written


def _compare_page(readings: list[_ReadField] | None, texts: Sequence[str]) -> Compared:
    pairs = align([each.cells for each in readings or ()], texts)
    found = [(readings[read], texts[true]) for read, true in pairs] if readings else []
    cells = (
        ReadCell(true.lower(), cell, confidence)
        for reading, text in found
        for true, cell, confidence in zip(text, reading.cells, reading.confidences, strict=False)
    )
    return Compared(score_page(readings or (), texts) + Score(failed=readings is None), tuple(cells))


def _names_in(run: Path) -> dict[str, str] | None:
    """What a run calls the files that it has read; None where only its tables are left."""
    if not (run / LEDGER).exists():
        return None
    with ledger_errors(run / LEDGER), Ledger(run, to_look=True) as ledger:
        return {os.path.realpath(file.path): path_cell(file.name) for file in ledger.files()}


def _fields_of(
    path: Path, page: str, read: Mapping[tuple[str, str], list[_ReadField]], names: Mapping[str, str] | None
) -> list[_ReadField] | None:
    """What was read of a page of a file; without `names`, of one with the end of its path."""
    if names is not None:
        return read.get((names.get(os.path.realpath(path), ""), page))
    for start in range(len(path.parts)):
        fields_read = read.get(("/".join(path.parts[start:]), page))
        if fields_read is not None:
            return fields_read
    return None


def _rows(path: Path, needed: set[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = needed - set(rows.fieldnames or ())
            if missing:
                raise NoInputError(
                    f"{path}: lacks the columns {', '.join(sorted(missing))}; give a table that has them"
                )
            return list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NoInputError(f"{path}: cannot be read ({error}); name a finished run and truth files") from error

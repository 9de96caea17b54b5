"""What waits for a person in a run folder: fields in review, samples of what was accepted, boxes that may be odd."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from scanner.export import plain_path
from scanner.fields import ACCEPTED, REVIEW, FieldReading
from scanner.ledger import Ledger, ReadField
from scanner.pipeline import PageReading
from scanner.review.apply import Said, settle
from scanner.review.book import Book, FieldKey, place_in_sample
from scanner.review.guarantee import is_judged

if TYPE_CHECKING:
    from scanner.review.guarantee import Guarantee

Purpose: TypeAlias = Literal["review", "sample"]
NOT_UNIQUE = "not_unique"


class NoSuchField(LookupError):
    """There is no field of this name at the desk, any more."""


class Again(Exception):
    """What was typed blind is not what was read: `read` is shown to the person, who decides."""

    def __init__(self, read: str) -> None:
        super().__init__(read)
        self.read = read


@dataclass(slots=True)
class Waiting:
    """A field that waits, and who has to do with it."""

    purpose: Purpose
    said_by: set[str] = field(default_factory=set)  # people whose answers do not settle it yet
    skipped_by: set[str] = field(default_factory=set)
    holder: str = ""
    until: float = 0.0

    def is_free_for(self, who: str, now: float) -> bool:
        return who not in self.said_by and (self.holder in ("", who) or now > self.until)


@dataclass(frozen=True, slots=True)
class Item:
    """A field that a person is to look at; `id` is what a browser may call it."""

    id: str
    key: FieldKey
    page: PageReading
    reading: FieldReading
    purpose: Purpose
    is_blind: bool  # the person must not see what was read
    odd_cells: tuple[int, ...] = ()  # boxes that somebody has found to hold something else


@dataclass(frozen=True, slots=True)
class Progress:
    """Fields that wait, and that were settled since the desk was opened, by person."""

    waiting: int
    samples: int
    done: dict[str, int]


def find_waiting(
    ledger: Ledger, book: Book, guarantee: "Guarantee | None", sample: float, tables: Path | None
) -> Iterator[tuple[FieldKey, Waiting]]:
    """The fields that nobody has settled: those in review, the least sure first, then samples in the order they count.

    Args:
        ledger: of the run folder.
        book: of the run folder.
        guarantee: by which thresholds fields are accepted, where not as they were read.
        sample: part of the accepted fields that is drawn.
        tables: the run folder, where a form has fields that must be unique.
    """
    not_unique = _find_not_unique(ledger, tables) if tables else set()
    said = Said(book.all())
    samples = []
    for each in ledger.read_fields():
        key = FieldKey(each.digest, each.page, each.form, each.name)
        purpose = _purpose(each, key, guarantee, not_unique, sample)
        verdicts = said.of(each.digest, each.page, each.box) if purpose else []
        if purpose is None or settle(verdicts) is not None:
            continue
        entry = Waiting(purpose, {verdict.who for verdict in verdicts})
        if purpose == "sample":
            samples.append((place_in_sample(key), key, entry))
        else:
            yield key, entry
    yield from ((key, entry) for _, key, entry in sorted(samples, key=lambda drawn: drawn[0]))


def _purpose(
    field: ReadField,
    key: FieldKey,
    guarantee: "Guarantee | None",
    not_unique: set[tuple[str, int, str]],
    sample: float,
) -> Purpose | None:
    is_accepted = field.status == ACCEPTED
    if guarantee is not None and is_judged(field):
        is_accepted = guarantee.is_sure(field.form, field.name, field.confidence)
    if field.status in (ACCEPTED, REVIEW) and not is_accepted:
        return "review"
    if (field.digest, field.page, field.name) in not_unique:
        return "review"
    return "sample" if is_judged(field) and place_in_sample(key) < sample else None


def _find_not_unique(ledger: Ledger, output: Path) -> set[tuple[str, int, str]]:
    """Digest, page and name of fields in review for what other pages say: only the tables know of them."""
    table = output / "fields.csv"  # nobody edits this one
    if not table.exists():
        return set()
    found = set()
    with table.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            if row["reason"] == NOT_UNIQUE:
                page = ledger.page_named(plain_path(row["file"]), int(row["page"]))
                if page is not None:
                    found.add((page[0], int(row["page"]), row["field"]))
    return found


class BoxesSeen:
    """Boxes that people have looked at one by one: what was read in them then, and whether it was right."""

    def __init__(self, book: Book) -> None:
        self._seen: dict[FieldKey, dict[int, tuple[str, bool]]] = defaultdict(dict)
        for key, cell, seen, is_right in book.cells():
            self.add(key, cell, seen, is_right)

    def add(self, key: FieldKey, cell: int, seen: str, is_right: bool) -> None:
        self._seen[key][cell] = seen, is_right

    def is_right(self, key: FieldKey, cell: int, cells: str) -> bool | None:
        """Whether a box holds what is read in it; None where nobody has looked, or it was read otherwise then."""
        seen, is_right = self._seen.get(key, {}).get(cell, ("", False))
        return is_right if seen == cells[cell] else None

    def odd(self, key: FieldKey, cells: str) -> tuple[int, ...]:
        """The boxes that hold something else than is read in them."""
        return tuple(cell for cell in range(len(cells)) if self.is_right(key, cell, cells) is False)

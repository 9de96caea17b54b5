"""The desk at which people review: what waits, who has it, and what they say of it.

It knows nothing of browsers. It runs in one thread; only the book and the ledger are shared with other processes.
"""

import csv
import hashlib
import secrets
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from scanner.errors import PageError
from scanner.export import plain_path
from scanner.fields import ACCEPTED, REVIEW, FieldReading
from scanner.ledger import Ledger, now_text
from scanner.pipeline import PageReading
from scanner.review.apply import settle
from scanner.review.book import Book, FieldKey, Verdict, Way, place_in_sample
from scanner.review.meaning import Impossible, meaning_of
from scanner.review.take_in import broken_rule, make_verdict
from scanner.sources import real_path

if TYPE_CHECKING:
    from scanner.form import FormField
    from scanner.known import KnownForm

LEASE_S = 600.0  # a field stays with the person who looks at it for so long
REFRESH_S = 15.0  # how often what a run has added is looked for
GROUP_REASONS = ("low_confidence", "check_failed")  # of fields that may be settled box by box
MOST_CELLS = 120  # in one grid

Purpose: TypeAlias = Literal["review", "sample"]


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


@dataclass(slots=True)
class _Waiting:
    purpose: Purpose
    said_by: set[str] = field(default_factory=set)  # of those whose answers do not settle it yet
    skipped_by: set[str] = field(default_factory=set)
    holder: str = ""
    until: float = 0.0

    def is_free_for(self, who: str, now: float) -> bool:
        return who not in self.said_by and (self.holder in ("", who) or now > self.until)


class NoSuchField(LookupError):
    """There is no field of this name at the desk, any more."""


class Again(Exception):
    """What was typed blind is not what was read: `read` is shown to the person, who decides."""

    def __init__(self, read: str) -> None:
        super().__init__(read)
        self.read = read


class Desk:
    """Opened on a run folder, until it is closed.

    Args:
        output: the folder.
        forms: what its pages show.
        double: each field is keyed by two people who do not see what was read; a third decides where they differ.
        sample: which part of the accepted fields is looked at, to know how many of them are wrong.
        clock: seconds, for leases.
    """

    def __init__(
        self,
        output: Path,
        forms: "Sequence[KnownForm]" = (),
        *,
        double: bool = False,
        sample: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.output = output
        self.ledger = Ledger(output, to_look=True)
        self.book = Book(output)
        self._forms = forms
        self._fields = {(known.form.name, each.name): each for known in forms for each in known.form.fields}
        self.is_double, self._sample, self._clock = double, sample, clock
        self._waiting: OrderedDict[FieldKey, _Waiting] = OrderedDict()
        self._ids: dict[str, FieldKey] = {}
        self._secret = secrets.token_bytes(16)
        self._done: dict[str, int] = defaultdict(int)
        self._odd: dict[FieldKey, set[int]] = defaultdict(set)
        self._right: dict[FieldKey, set[int]] = defaultdict(set)
        self._looked_at, self._version = -REFRESH_S, -1
        for key, cell, _, is_right in self.book.cells():
            (self._right if is_right else self._odd)[key].add(cell)
        self.refresh()

    def close(self) -> None:
        self.book.close()
        self.ledger.close()

    # --- what waits

    def refresh(self) -> None:
        """Look for what a run has added, now and then."""
        now = self._clock()
        if now < self._looked_at + REFRESH_S:
            return
        self._looked_at = now
        version = self.ledger.version()
        if version == self._version:
            return
        self._version = version
        settled, open_ = self._settled()
        before, self._waiting = self._waiting, OrderedDict()
        for key, purpose in self._wanted():
            if key not in settled:
                self._waiting[key] = before.get(key) or _Waiting(purpose, open_.get(key, set()))

    def _settled(self) -> tuple[set[FieldKey], dict[FieldKey, set[str]]]:
        """The fields that are settled, and who has said something of the others."""
        settled, open_ = set(), {}
        for key, said in groupby(self.book.all(), key=lambda verdict: verdict.key):
            verdicts = list(said)
            if settle(verdicts) is None:
                open_[key] = {each.who for each in verdicts}
            else:
                settled.add(key)
        return settled, open_

    def _wanted(self) -> Iterator[tuple[FieldKey, Purpose]]:
        for row in self.ledger.fields_with(REVIEW):
            yield FieldKey(*row), "review"
        yield from ((key, "review") for key in self._not_unique())
        if self._sample > 0:
            for row in self.ledger.fields_with(ACCEPTED):
                if place_in_sample(key := FieldKey(*row)) < self._sample:
                    yield key, "sample"

    def _not_unique(self) -> Iterator[FieldKey]:
        """Fields that are in review for what other pages say: the ledger does not know of them."""
        review = self.output / "review.csv"
        if not review.exists() or not any(each.unique for each in self._fields.values()):
            return
        with review.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                if row.get("reason") == "not_unique":
                    found = self.ledger.page_named(plain_path(row["file"]), int(row["page"]))
                    if found is not None:
                        yield FieldKey(found[0], int(row["page"]), row["form"], row["field"])

    def next(self, who: str, count: int = 1) -> list[Item]:
        """The next fields for this person, which nobody else gets for a while; those they have skipped come last."""
        self.refresh()
        now = self._clock()
        free = [key for key, entry in self._first_free(who, now, count)]
        for key in free:
            entry = self._waiting[key]
            entry.holder, entry.until = who, now + LEASE_S
        return [item for key in free if (item := self._item(key)) is not None]

    def _first_free(self, who: str, now: float, count: int) -> list[tuple[FieldKey, _Waiting]]:
        found: list[tuple[FieldKey, _Waiting]] = []
        skipped: list[tuple[FieldKey, _Waiting]] = []
        for key, entry in self._waiting.items():
            if len(found) == count:
                break
            if entry.is_free_for(who, now):
                (skipped if who in entry.skipped_by else found).append((key, entry))
        return (found + skipped)[:count]

    def item(self, id_: str) -> Item:
        """A field by what a browser calls it.

        Raises:
            NoSuchField: there is none, any more.
        """
        item = self._item(self._key_of(id_))
        if item is None:
            raise NoSuchField(id_)
        return item

    def _key_of(self, id_: str) -> FieldKey:
        if id_ not in self._ids:
            raise NoSuchField(id_)
        return self._ids[id_]

    def _item(self, key: FieldKey) -> Item | None:
        page = self.ledger.page_of(key.digest, key.page)
        reading = next((each for each in page.fields if each.name == key.field), None) if page else None
        entry = self._waiting.get(key)
        if page is None or reading is None:
            self._waiting.pop(key, None)
            return None
        purpose: Purpose = entry.purpose if entry else "review"
        is_blind = purpose == "sample" or self.is_double
        return Item(self._id_of(key), key, page, reading, purpose, is_blind, tuple(sorted(self._odd.get(key, ()))))

    def _id_of(self, key: FieldKey) -> str:
        told = repr((key.digest, key.page, key.form, key.field)).encode()
        id_ = hashlib.blake2b(told, key=self._secret, digest_size=12).hexdigest()
        self._ids[id_] = key
        return id_

    # --- what is said

    def problem(self, id_: str, typed: str) -> str:
        """What is the matter with what is being typed; empty where nothing is.

        Raises:
            Impossible: it cannot stand there.
        """
        item = self.item(id_)
        meant = meaning_of(typed, item.reading, field=self.field_of(item))
        return "" if meant is None else broken_rule(item.page, item.reading, meant, self._forms)

    def say(self, who: str, id_: str, typed: str, seconds: float | None = None, *, is_certain: bool = False) -> None:
        """Somebody says what is written in a field.

        Raises:
            Impossible: it cannot be; nothing is kept.
            Again: it is a sample, and not what was read; said once more, `is_certain`, it is kept.
            NoSuchField: there is none.
        """
        item = self.item(id_)
        meant = meaning_of(typed, item.reading, field=self.field_of(item))
        if meant is None:
            raise Impossible("nothing was typed")
        if item.purpose == "sample" and meant.value != item.reading.value and not is_certain:
            raise Again(item.reading.value)
        way: Way = "sample" if item.purpose == "sample" else "double" if self.is_double else "key"
        self._keep(make_verdict(item.key, item.reading, meant, who, way, seconds))

    def _keep(self, verdict: Verdict) -> None:
        self.book.add([verdict])
        self._done[verdict.who] += 1
        self._settle(verdict.key)

    def _settle(self, key: FieldKey) -> None:
        said = self.book.of_page(key.digest, key.page).get((key.form, key.field), [])
        if settle(said) is not None:
            self._waiting.pop(key, None)
        elif (entry := self._waiting.get(key)) is not None:
            entry.said_by, entry.holder = {each.who for each in said}, ""

    def skip(self, who: str, id_: str) -> None:
        """This person looks at it later, or another does."""
        if (entry := self._waiting.get(self._key_of(id_))) is not None:
            entry.skipped_by.add(who)
            entry.holder = ""

    def undo(self, who: str) -> Item | None:
        """Take back the last that this person has said; the field waits for them again, before all others."""
        verdict = self.book.undo_last(who, now_text())
        if verdict is None:
            return None
        self._done[who] -= 1
        purpose: Purpose = "sample" if verdict.way == "sample" else "review"
        entry = self._waiting.setdefault(verdict.key, _Waiting(purpose))
        entry.said_by.discard(who)
        entry.holder, entry.until = who, self._clock() + LEASE_S
        self._waiting.move_to_end(verdict.key, last=False)
        return self._item(verdict.key)

    def progress(self) -> Progress:
        samples = sum(entry.purpose == "sample" for entry in self._waiting.values())
        return Progress(len(self._waiting) - samples, samples, dict(self._done))

    # --- many at once

    def group(self, character: str) -> list[tuple[Item, int]]:
        """Boxes that were read as this, and that nobody has looked at one by one; the least sure first."""
        self.refresh()
        found = []
        for key in list(self._waiting):
            item = self._item(key) if not self._odd.get(key) else None
            if item is None or item.purpose == "sample" or item.reading.reason not in GROUP_REASONS:
                continue
            seen = zip(item.reading.cells, item.reading.digit_confidences, strict=True)
            for cell, (read, confidence) in enumerate(seen):
                if read == character and cell not in self._right[key]:
                    found.append((confidence, item, cell))
        found.sort(key=lambda each: each[0])
        return [(item, cell) for _, item, cell in found[:MOST_CELLS]]

    def say_of_group(self, who: str, right: Sequence[tuple[str, int]], odd: Sequence[tuple[str, int]]) -> int:
        """Somebody has looked at boxes: which are right, which hold something else; how many fields that settles."""
        looked_at = []
        for boxes, is_right in ((right, True), (odd, False)):
            for id_, cell in boxes:
                item = self.item(id_)
                looked_at.append((item.key, cell, item.reading.cells[cell], is_right))
                (self._right if is_right else self._odd)[item.key].add(cell)
        self.book.add_cells(looked_at, who, now_text())
        settled = 0
        for key in dict.fromkeys(key for key, *_ in looked_at):
            whole = self._item(key) if key in self._waiting else None
            if whole is not None and len(self._right[key]) == len(whole.reading.cells) and not self._odd.get(key):
                meant = meaning_of(whole.reading.cells, whole.reading, field=self.field_of(whole))
                if meant is not None:
                    self._keep(make_verdict(key, whole.reading, meant, who, "group"))
                    settled += 1
        return settled

    # --- for those who show it

    def field_of(self, item: Item) -> "FormField | None":
        return self._fields.get((item.page.form, item.reading.name))

    def crop_of(self, item: Item) -> Path | None:
        """The picture of a field in the output folder; None where it has none."""
        folder, path = real_path(self.output), real_path(self.output / item.reading.crop)
        return path if item.reading.crop and path.is_relative_to(folder) and path.is_file() else None

    def scan_of(self, item: Item) -> Path:
        """The file whose page shows a field. Raises PageError where it is gone."""
        path = self.ledger.path_of(item.key.digest)
        if path is None:
            raise PageError("unreadable", f"{item.page.file} is no longer where it was read")
        return path

"""The desk at which people review: what waits, who has it, and what they say of it.

It knows nothing of browsers. It runs in one thread; only the book and the ledger are shared with other processes.
"""

import hashlib
import secrets
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from scanner.errors import PageError
from scanner.fields import FieldReading
from scanner.ledger import Ledger, now_text
from scanner.network import NOT_A_DIGIT
from scanner.review.apply import Corrections, Said, settle
from scanner.review.book import Book, FieldKey, Verdict, Way
from scanner.review.meaning import Impossible, Meant, meaning_of
from scanner.review.take_in import broken_rule, make_verdict
from scanner.review.waiting import Again, BoxesSeen, Item, NoSuchField, Progress, Purpose, Waiting, find_waiting
from scanner.sources import real_path

if TYPE_CHECKING:
    from scanner.form import FormField
    from scanner.known import KnownForm
    from scanner.review.guarantee import Guarantee

LEASE_S = 600.0  # a field stays with the person who looks at it for so long
REFRESH_S = 15.0  # how often what a run has added is looked for
GROUP_REASONS = ("low_confidence", "check_failed")  # of fields that may be settled box by box
MOST_CELLS = 120  # in one grid
LOOKED_AT = 3  # times as many are looked at for it
PAUSE = 20  # times as long as looking took is waited until it is done again

Boxes: TypeAlias = Sequence[tuple[str, int]]  # fields as a browser calls them, and numbers of their cells


class Desk:
    """Opened on a run folder, until it is closed.

    Args:
        output: the folder.
        forms: what its pages show.
        double: each field is keyed by two people who do not see what was read; a third decides where they differ.
        sample: which part of the accepted fields is looked at, to know how many of them are wrong.
        guarantee: tells by which thresholds fields are accepted, where not as they were read.
        clock: seconds, for leases.
    """

    def __init__(
        self,
        output: Path,
        forms: "Sequence[KnownForm]" = (),
        *,
        double: bool = False,
        sample: float = 0.0,
        guarantee: "Callable[[Ledger, Book], Guarantee | None]" = lambda ledger, book: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.output = output
        self.ledger = Ledger(output, to_look=True)
        self.book = Book(output)
        self._forms = forms
        self._fields = {(known.form.name, each.name): each for known in forms for each in known.form.fields}
        self.is_double, self._sample, self._clock = double, sample, clock
        self._guarantee = guarantee
        self._waiting: OrderedDict[FieldKey, Waiting] = OrderedDict()
        self._ids: dict[str, FieldKey] = {}
        self._secret = secrets.token_bytes(16)
        self._done: dict[str, int] = defaultdict(int)
        self._boxes = BoxesSeen(self.book)
        self._next_look, self._version = -REFRESH_S, -1
        self.refresh()

    def close(self) -> None:
        self.book.close()
        self.ledger.close()

    # --- what waits

    def refresh(self) -> None:
        """Look for what a run has added, now and then."""
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + REFRESH_S
        version = self.ledger.version()
        if version == self._version:
            return
        self._version = version
        guarantee = self._guarantee(self.ledger, self.book)
        has_unique = any(each.unique for each in self._fields.values())
        tables = self.output if has_unique else None
        before, self._waiting = self._waiting, OrderedDict()
        for key, entry in find_waiting(self.ledger, self.book, guarantee, self._sample, tables):
            self._waiting[key] = before.get(key) or entry
        took = self._clock() - now
        self._next_look = max(self._next_look, now + PAUSE * took)

    def next(self, who: str, count: int = 1) -> list[Item]:
        """The next fields for this person, which nobody else gets for a while; those they have skipped come last."""
        self.refresh()
        now = self._clock()
        free = [key for key, entry in self._first_free(who, now, count)]
        for key in free:
            entry = self._waiting[key]
            entry.holder, entry.until = who, now + LEASE_S
        return [item for key in free if (item := self._item(key)) is not None]

    def _first_free(self, who: str, now: float, count: int) -> list[tuple[FieldKey, Waiting]]:
        found: list[tuple[FieldKey, Waiting]] = []
        skipped: list[tuple[FieldKey, Waiting]] = []
        for key, entry in self._waiting.items():
            if len(found) == count:
                break
            if entry.is_free_for(who, now):
                (skipped if who in entry.skipped_by else found).append((key, entry))
        return (found + skipped)[:count]

    def item(self, id_: str) -> Item:
        """A field by what a browser calls it.

        Raises:
            NoSuchField: there is none, any more; or it was read anew since, and may be another.
        """
        item = self._item(self._key_of(id_))
        if item is None or item.id != id_:
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
        odd = self._boxes.odd(key, reading.cells)
        return Item(self._id_of(key, reading), key, page, reading, purpose, is_blind, odd)

    def _id_of(self, key: FieldKey, reading: FieldReading) -> str:
        """Of a field where it stands, and as it was read: what a person sees."""
        told = repr((key, reading.box_xywh, reading.cells)).encode()
        id_ = hashlib.blake2b(told, key=self._secret, digest_size=12).hexdigest()
        self._ids[id_] = key
        return id_

    # --- what is said

    def problem(self, id_: str, typed: str | None = None) -> str:
        """What is the matter with what is being typed, or was read; empty where nothing is.

        Raises:
            Impossible: it cannot stand there.
        """
        item = self.item(id_)
        was_read = Meant(item.reading.value, item.reading.cells, is_readable=NOT_A_DIGIT not in item.reading.cells)
        meant = was_read if typed is None else meaning_of(typed, item.reading, field=self.field_of(item))
        page = Corrections(self.book).applied(item.key.digest, item.page)
        return "" if meant is None else broken_rule(page, item.key.field, meant, self._forms)

    def say(self, who: str, id_: str, typed: str, seconds: float | None = None, *, is_certain: bool = False) -> None:
        """Somebody says what is written in a field.

        Raises:
            Impossible: it cannot be; nothing is kept.
            Again: it is a sample, and not what was read; said once more, `is_certain`, it is kept.
            NoSuchField: there is none.
        """
        item = self.item(id_)
        entry = self._waiting.get(item.key)
        if entry is None or not entry.is_free_for(who, self._clock()):
            raise NoSuchField(id_)  # another has it now, or has settled it
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
        said = self._said_of(verdict)
        if settle(said) is not None:
            self._waiting.pop(verdict.key, None)
        elif (entry := self._waiting.get(verdict.key)) is not None:
            entry.said_by, entry.holder = {each.who for each in said}, ""

    def _said_of(self, verdict: Verdict) -> list[Verdict]:
        key = verdict.key
        return Said(self.book.of_page(key.digest, key.page)).of(key.digest, key.page, verdict.box)

    def skip(self, who: str, id_: str) -> None:
        """This person looks at it later, or another does."""
        if (entry := self._waiting.get(self._key_of(id_))) is not None:
            entry.skipped_by.add(who)
            entry.holder = ""

    def undo(self, who: str) -> Item | None:
        """Take back the last that this person has said; the field waits for them again, before all others.

        Raises:
            NoSuchField: it is not in the tables any more; what was said of it stands.
        """
        verdict = self.book.last_of(who)
        if verdict is None:
            return None
        if self._item(verdict.key) is None:
            raise NoSuchField(verdict.key.field)
        self.book.undo_last(who, now_text())
        self._done[who] -= 1
        purpose: Purpose = "sample" if verdict.way == "sample" else "review"
        entry = self._waiting.setdefault(verdict.key, Waiting(purpose))
        entry.said_by = {each.who for each in self._said_of(verdict)} - {who}
        entry.holder, entry.until = who, self._clock() + LEASE_S
        self._waiting.move_to_end(verdict.key, last=False)
        return self._item(verdict.key)

    def progress(self) -> Progress:
        samples = sum(entry.purpose == "sample" for entry in self._waiting.values())
        return Progress(len(self._waiting) - samples, samples, dict(self._done))

    # --- many at once

    def group(self, character: str, who: str = "") -> list[tuple[Item, int]]:
        """Boxes that were read as this, that nobody has looked at one by one nor has now; the least sure first."""
        self.refresh()
        found: list[tuple[float, Item, int]] = []
        free = [key for key, entry in self._waiting.items() if entry.is_free_for(who, self._clock())]
        for key in () if self.is_double else free:  # it is not blind, and one person's
            item = self._item(key)
            if item is None or item.purpose == "sample" or item.odd_cells or item.reading.reason not in GROUP_REASONS:
                continue
            seen = zip(item.reading.cells, item.reading.digit_confidences, strict=True)
            for cell, (read, confidence) in enumerate(seen):
                if read == character and self._boxes.is_right(key, cell, item.reading.cells) is None:
                    found.append((confidence, item, cell))
            if len(found) >= LOOKED_AT * MOST_CELLS:  # the least sure fields come first
                break
        found.sort(key=lambda each: each[0])
        return [(item, cell) for _, item, cell in found[:MOST_CELLS]]

    def say_of_group(self, who: str, right: Boxes, odd: Boxes, character: str = "") -> int:
        """Somebody has looked at boxes: which are right, which hold something else; how many fields that settles.

        What others settled meanwhile, look at, or found odd, and what is read otherwise now, is left alone.
        """
        looked_at, told = {}, []
        for id_, cell, is_right in [(*box, True) for box in right] + [(*box, False) for box in odd]:
            item = self._item(self._key_of(id_))
            if item is None or item.id != id_:
                continue
            if self.is_double or cell >= len(item.reading.cells):
                raise NoSuchField(id_)
            entry, seen = self._waiting.get(item.key), item.reading.cells[cell]
            is_odd = self._boxes.is_right(item.key, cell, item.reading.cells) is False
            if entry and entry.is_free_for(who, self._clock()) and not is_odd and character in ("", seen):
                told.append((item.key, cell, seen, is_right))
                looked_at[item.key] = item
        self.book.add_cells(told, who, now_text())
        for each in told:
            self._boxes.add(*each)
        settled = 0
        for item in looked_at.values():
            cells = item.reading.cells
            is_all_right = all(self._boxes.is_right(item.key, cell, cells) for cell in range(len(cells)))
            meant = meaning_of(cells, item.reading, field=self.field_of(item))
            if is_all_right and meant is not None:
                self._keep(make_verdict(item.key, item.reading, meant, who, "group"))
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

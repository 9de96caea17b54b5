"""Readings as people have corrected them. What the machine had read stays in the ledger and in the book."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias, TypeVar

from scanner.export import Correction
from scanner.fields import ACCEPTED, CORRECTED, UNREADABLE, FieldReading
from scanner.pipeline import PageReading, PageResult
from scanner.review.book import Book, Verdict

SAME_PLACE = 0.5  # of the union of two boxes that they have in common, at least, if they are of the same field

Page = TypeVar("Page", PageReading, PageResult)
Box: TypeAlias = tuple[int, int, int, int]
"""x, y, width and height in pixels of the page."""


class Said:
    """What stands in a book, by place: names of fields change with forms and boxes found anew, their places do not."""

    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        self._by_page: dict[tuple[str, int], list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            self._by_page[verdict.key.digest, verdict.key.page].append(verdict)

    def of(self, digest: str, page: int, box: Box) -> list[Verdict]:
        """What was said of the field at this place, the earliest first."""
        if (digest, page) not in self._by_page:
            return []
        return [verdict for verdict in self._by_page[digest, page] if is_same_place(verdict.box, box)]

    def settled(self, digest: str, page: int, box: Box) -> Verdict | None:
        """What holds of the field at this place; None where nothing does yet."""
        return settle(self.of(digest, page, box))

    @property
    def pages(self) -> Iterable[tuple[str, int]]:
        """Digest and number of the pages of which anything was said."""
        return self._by_page.keys()


class Corrections:
    """The book of a run folder, applied to pages as they go by.

    `made` has what was corrected; `lost` counts verdicts whose field is there no more.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self.made: list[Correction] = []
        self.lost = 0

    def applied(self, digest: str, page: Page) -> Page:
        """The page with the fields that people have settled as they said."""
        verdicts = self._book.of_page(digest, page.page) if isinstance(page, PageReading) else []
        if not verdicts or not isinstance(page, PageReading):
            return page
        said = Said(verdicts)
        fields, used = [], 0
        for each in page.fields:
            used += len(said.of(digest, page.page, each.box_xywh))
            by = said.settled(digest, page.page, each.box_xywh)
            if by is not None and _is_only_checked(each, by):
                by = None
            fields.append(each if by is None else corrected(each, by))
            if by is not None:
                self.made.append(
                    Correction(page.file, page.page, page.form, each, by.value, by.cells, by.who, by.way, by.at)
                )
        self.lost += len(verdicts) - used
        return replace(page, fields=tuple(fields))


def _is_only_checked(reading: FieldReading, verdict: Verdict) -> bool:
    """Whether a person has only found, in a sample, what was accepted to be right: it needed none."""
    is_same = verdict.is_readable and verdict.value == reading.value
    return verdict.way == "sample" and reading.status == ACCEPTED and is_same


def settle(verdicts: Sequence[Verdict]) -> Verdict | None:
    """What holds of all that was said of a field, the earliest first; None where people have to say more.

    The last one holds. Of those who key a field blind for a second time two must agree; a third one decides.
    """
    if not verdicts:
        return None
    last = verdicts[-1]
    if last.way != "double":
        return last
    people: dict[str, Verdict] = {}
    for each in verdicts:
        people[each.who] = each
    said = list(people.values())
    if len(said) > 2 or (len(said) == 2 and said[0].says_same(said[1])):
        return said[-1]
    return None


def corrected(reading: FieldReading, verdict: Verdict) -> FieldReading:
    """The reading as a person has settled it."""
    return replace(
        reading,
        value=verdict.value,
        cells=verdict.cells,
        confidence=1.0,
        status=CORRECTED,
        reason="" if verdict.is_readable else UNREADABLE,
        digit_confidences=(1.0,) * len(verdict.cells),
        alternatives=((verdict.cells, 1.0),) if verdict.value else (),
        crop="",
    )


def is_same_place(one: Box, other: Box) -> bool:
    """Whether two boxes are of the same field."""
    return _overlap(one, other) >= SAME_PLACE


def _overlap(one: Box, other: Box) -> float:
    """Of the area that two boxes cover, the part that both do."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    return common / max(one[2] * one[3] + other[2] * other[3] - common, 1)

"""Readings as people have corrected them. What the machine had read stays in the ledger and in the book."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from scanner.export import Correction
from scanner.fields import CORRECTED, UNREADABLE, FieldReading
from scanner.pipeline import PageReading, PageResult
from scanner.review.book import Book, FieldKey, Verdict

SAME_PLACE = 0.5  # of the union of two boxes that they have in common, at least, if they are of the same field

Box = tuple[int, int, int, int]


class Corrections:
    """The book of a run folder, applied to pages as they go by.

    `made` has what was corrected; `lost` counts corrections whose field is there no more.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self.made: list[Correction] = []
        self.lost = 0

    def applied(self, digest: str, page: PageResult) -> PageResult:
        """The page with the fields that people have settled as they said."""
        said = self._book.of_page(digest, page.page) if isinstance(page, PageReading) else {}
        if not said or not isinstance(page, PageReading):
            return page
        settled = {key: final for key, verdicts in said.items() if (final := settle(verdicts)) is not None}
        found = {name: verdict for verdict in settled.values() if (name := _field_of(verdict, page))}
        self.lost += len(settled) - len(found)
        for each in page.fields:
            if (by := found.get(each.name)) is not None:
                place = page.file, page.page, page.form
                self.made.append(Correction(*place, each, by.value, by.cells, by.who, by.way, by.at))
        fields = tuple(corrected(each, found[each.name]) if each.name in found else each for each in page.fields)
        return replace(page, fields=fields)


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


def settled_by_field(verdicts: Iterable[Verdict]) -> dict[FieldKey, Verdict]:
    """What holds of each field that is settled; verdicts of a field must follow one another, as those of `Book.all`."""
    found = {}
    for key, said in groupby(verdicts, key=lambda verdict: verdict.key):
        if (final := settle(list(said))) is not None:
            found[key] = final
    return found


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


def _field_of(verdict: Verdict, page: PageReading) -> str:
    """The name of the field on the page that was meant: names may change with boxes found anew, places do not."""
    by_name: Mapping[str, FieldReading] = {each.name: each for each in page.fields}
    key = verdict.key
    candidates: Iterable[FieldReading] = page.fields
    if key.form == page.form and key.field in by_name:
        candidates = (by_name[key.field], *page.fields)
    return next((each.name for each in candidates if _overlap(each.box_xywh, verdict.box) >= SAME_PLACE), "")


def _overlap(one: Box, other: Box) -> float:
    """Of the area that two boxes cover, the part that both do."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    return common / max(one[2] * one[3] + other[2] * other[3] - common, 1)

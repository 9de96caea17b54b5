"""Numbers that stand once in a run, as students on a class list: who took which is settled over all pages at once.

Each reading may be any of its alternatives; the assignment is taken that is the most probable when no number is given
twice (as Kuhn 1955; on the sparse graph of alternatives). What another page holds surely is hardly an alternative any
more, so a doubtful number may become sure: where a list says which there are, else nothing but a person settles it.
Where two pages surely say the same, neither is changed: both go to review.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from scanner.fields import ACCEPTED, CORRECTED, REVIEW, FieldReading, Policy, digits_in
from scanner.pipeline import PageReading, PageResult

if TYPE_CHECKING:
    from scanner.known import KnownForm

Looks: TypeAlias = Mapping[str, tuple[str, float]]
"""What a reading may be: number -> (cells, probability)."""

SURE = 0.9  # a reading so probable is not given up for another
LEFT_OUT = 0.05  # how likely a number is written, or scanned, twice
LEAST = 1e-9  # a weight of zero would be no edge of the graph
OPEN_REASONS = {"", "low_confidence"}  # of the readings that others may settle; the rest a person has to look at


def settle_unique(
    results: Iterable[PageResult], forms: "Sequence[KnownForm]", policy: Policy, *, accepts: bool = True
) -> Iterator[PageResult]:
    """The same results in the same order, with the `unique` fields of their forms settled.

    They are all read first where a form has such a field. Where reading is interrupted, what was read is settled.

    Args:
        results: of `read_pages` with these forms.
        forms: what the pages show.
        policy: when a number is accepted.
        accepts: whether a number may be accepted that was not; an error is guaranteed of what was read alone.
    """
    fields = {
        (known.form.name, field.name): known.rules[field.name].numbers is not None
        for known in forms
        for field in known.form.fields
        if field.unique
    }
    if not fields:
        yield from results
        return
    held: list[PageResult] = []
    try:
        for result in results:
            held.append(result)  # one by one: what was read counts, if this is interrupted
    except KeyboardInterrupt:
        yield from _settled(held, fields, policy, accepts)
        raise
    yield from _settled(held, fields, policy, accepts)


def _settled(
    held: Sequence[PageResult], fields: Mapping[tuple[str, str], bool], policy: Policy, accepts: bool
) -> list[PageResult]:
    """`fields`: those that are unique, and whether a list says what they may be."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)  # of the pages on which each field is open
    for number, page in enumerate(held):
        if not isinstance(page, PageReading):
            continue
        for reading in page.fields:
            is_read = reading.alternatives[:1] and reading.alternatives[0][0] == reading.cells and reading.value
            if (page.form, reading.name) in fields and is_read and reading.reason in OPEN_REASONS:
                places[page.form, reading.name].append(number)
    pages = list(held)
    for (form, name), numbers in places.items():
        readings = [_field(pages[number], name) for number in numbers]
        settled = _assigned(readings, policy if fields[form, name] else None)
        for number, reading, was in zip(numbers, settled, readings, strict=True):
            if was.status == CORRECTED:  # a person has looked: it only bears on the others
                continue
            is_as_read = was.status == ACCEPTED and reading.cells == was.cells
            if reading.status == ACCEPTED and not (accepts or is_as_read):
                reading = replace(reading, status=REVIEW, reason="low_confidence")
            pages[number] = _with_field(pages[number], reading)
    return pages


def _field(page: PageResult, name: str) -> FieldReading:
    assert isinstance(page, PageReading)
    return next(field for field in page.fields if field.name == name)


def _with_field(page: PageResult, reading: FieldReading) -> PageReading:
    assert isinstance(page, PageReading)
    return replace(page, fields=tuple(reading if each.name == reading.name else each for each in page.fields))


def _assigned(readings: Sequence[FieldReading], policy: Policy | None) -> list[FieldReading]:
    """The readings, each with the number that is most probably its own; without a policy none is changed."""
    looks = [_looks(reading) for reading in readings]
    chosen = _assignment(looks)
    holders: dict[str, list[int]] = defaultdict(list)
    for row, number in enumerate(chosen):
        holders[digits_in(readings[row].cells) if number is None else number].append(row)
    disputed: set[int] = set()
    for row, number in enumerate(chosen):
        best = digits_in(readings[row].cells)
        is_changed = number != best and (policy is None or looks[row][best][1] >= SURE)
        if number is None or is_changed:
            disputed |= {row, *holders[best]}
    settled = []
    for row, (reading, number) in enumerate(zip(readings, chosen, strict=True)):
        if number is None or row in disputed:
            settled.append(replace(reading, status=REVIEW, reason="not_unique"))
            continue
        taken = {
            each: max((looks[other][each][1] for other in holders[each] if other != row), default=0.0)
            for each in looks[row]
            if each in holders
        }
        is_contested = any(part > 0 for part in taken.values())
        settled.append(_settle(reading, looks[row], number, taken, policy) if policy and is_contested else reading)
    return settled


def _looks(reading: FieldReading) -> Looks:
    looks: dict[str, tuple[str, float]] = {}
    for cells, probability in reading.alternatives:
        looks.setdefault(digits_in(cells), (cells, probability))  # the likeliest comes first
    return looks


def _settle(
    reading: FieldReading, looks: Looks, number: str, taken: Mapping[str, float], policy: Policy
) -> FieldReading:
    """The reading as this number; its probability is that among what others, as probably as is `taken`, leave."""
    cells, own = looks[number]
    unseen = max(1.0 - sum(part for _, part in looks.values()), 0.0)
    others = sum(
        part * (1 - (1 - LEFT_OUT) * taken.get(other, 0.0)) for other, (_, part) in looks.items() if other != number
    )
    confidence = own / (own + others + unseen)
    is_sure = confidence >= max(policy.min_field, policy.min_digit ** len(cells))
    old = zip(cells, reading.cells, reading.digit_confidences, strict=True)
    return replace(
        reading,
        value=number,
        cells=cells,
        confidence=round(confidence, 4),
        digit_confidences=tuple(look if new == was else round(own, 4) for new, was, look in old),
        status=ACCEPTED if is_sure else REVIEW,
        reason="" if is_sure else "low_confidence",
    )


def _assignment(looks: Sequence[Looks]) -> list[str | None]:
    """The number that each reading gets, no two the same; None where all it may be is likelier another's."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    numbers = list(dict.fromkeys(number for each in looks for number in each))
    column_of = {number: column for column, number in enumerate(numbers)}
    edges = [
        (row, column_of[number], LEAST - math.log(max(min(part, 1.0), LEAST)))
        for row, each in enumerate(looks)
        for number, (_, part) in each.items()
    ] + [(row, len(numbers) + row, -math.log(LEFT_OUT)) for row in range(len(looks))]
    rows, columns, costs = zip(*edges, strict=True)
    shape = (len(looks), len(numbers) + len(looks))
    graph = coo_array((np.array(costs), (np.array(rows), np.array(columns))), shape=shape).tocsr()
    _, matched = min_weight_full_bipartite_matching(graph)
    return [numbers[column] if column < len(numbers) else None for column in matched.tolist()]

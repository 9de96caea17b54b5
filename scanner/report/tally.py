"""What the report counts while pages go by; its size does not grow with them."""

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from scanner.fields import ACCEPTED, BLANK_STATUS, REVIEW, FieldReading
from scanner.pipeline import PageFailure, PageReading, PageResult

CONFIDENCES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # where the bars of the histogram begin
SHOWN = 10  # pages in each list
SHOWN_FAILURES = 24


@dataclass(slots=True)
class Part:
    """Counts of a form, or of a field of one."""

    pages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def fields(self) -> int:
        return self.statuses.total()

    @property
    def straight_through(self) -> float | None:
        """The part of the filled fields that needs no person."""
        filled = self.fields - self.statuses[BLANK_STATUS]
        return self.statuses[ACCEPTED] / filled if filled else None

    def add(self, reading: FieldReading) -> None:
        self.statuses[reading.status] += 1
        if reading.status == REVIEW:
            self.reasons[reading.reason] += 1


@dataclass(frozen=True, slots=True, order=True)
class Doubtful:
    """A page of which much goes to review, and its least sure field."""

    review: int
    doubt: float
    file: str = field(compare=False)
    page: int = field(compare=False)
    worst: FieldReading = field(compare=False)


@dataclass(slots=True)
class Tally:
    """Totals of the tables, and the pages that a person should look at first."""

    total: Part = field(default_factory=Part)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)  # reasons of pages that were read
    failures: list[PageFailure] = field(default_factory=list)
    forms: dict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    by_field: dict[tuple[str, str], Part] = field(default_factory=lambda: defaultdict(Part))
    confidences: dict[str, list[int]] = field(
        default_factory=lambda: {status: [0] * len(CONFIDENCES) for status in (ACCEPTED, REVIEW)}
    )
    seconds: float = 0.0
    _slowest: list[tuple[float, int, str, int]] = field(default_factory=list)
    _doubtful: list[tuple[Doubtful, int]] = field(default_factory=list)

    def see(self, results: Iterator[PageResult]) -> Iterator[PageResult]:
        """Count results as they go by."""
        for number, result in enumerate(results):
            self._add(result, -number)  # among equals the first stays
            yield result

    def _add(self, result: PageResult, order: int) -> None:
        self.seconds += result.seconds
        _keep(self._slowest, (result.seconds, order, result.file, result.page))
        if isinstance(result, PageFailure):
            self.failed[result.reason] += 1
            if len(self.failures) < SHOWN_FAILURES:
                self.failures.append(result)
            return
        self.total.pages += 1
        self.forms[result.form].pages += 1
        if result.reason:
            self.troubles[result.reason] += 1
        for each in result.fields:
            self._add_field(result, each)
        doubtful = [each for each in result.fields if each.status == REVIEW]
        if doubtful:
            worst = min(doubtful, key=lambda each: each.confidence)
            entry = Doubtful(len(doubtful), 1 - worst.confidence, result.file, result.page, worst)
            _keep(self._doubtful, (entry, order))

    def _add_field(self, page: PageReading, reading: FieldReading) -> None:
        for part in (self.total, self.forms[page.form], self.by_field[page.form, reading.name]):
            part.add(reading)
        if reading.status in self.confidences:
            bar = bisect_right(CONFIDENCES, reading.confidence) - 1
            self.confidences[reading.status][bar] += 1

    @property
    def slowest(self) -> list[tuple[float, str, int]]:
        """Seconds, file and page, the slowest first."""
        return [(seconds, file, page) for seconds, _, file, page in sorted(self._slowest, reverse=True)]

    @property
    def doubtful(self) -> list[Doubtful]:
        """Those with most fields to review first."""
        return [entry for entry, _ in sorted(self._doubtful, reverse=True)]


def _keep(largest: list, entry: tuple) -> None:  # type: ignore[type-arg]
    heapq.heappush(largest, entry)
    if len(largest) > SHOWN:
        heapq.heappop(largest)

"""Every file of a run folder accounted for: its pages as they were read, or why they were not."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from scanner.export import SkippedFile
from scanner.ledger import GONE, FileRow, Ledger, Reader
from scanner.page import FAILURE_REASONS
from scanner.pipeline import PageFailure, PageReading, PageResult
from scanner.review import Corrections
from scanner.review.guarantee import Guarantee

SAME_CONTENT = "same_content"


@dataclass(slots=True)
class Account:
    """The ledger as results, as people have corrected them, and skipped files; those `left` have this reason."""

    ledger: Ledger
    reader: Reader
    corrections: Corrections
    guarantee: Guarantee | None = None
    left: str = "interrupted"
    waiting: int = 0  # files that are not all read
    _skipped: list[SkippedFile] = field(default_factory=list)

    def results(self) -> Iterator[PageResult]:
        """Pages in the order of the files."""
        for file in self.ledger.files():
            if file.digest is None:
                yield from self._unopened(file)
                continue
            first, pages = self.ledger.first_of(file), max(file.pages or 0, 1)
            read: set[int] = set()
            for result in self.ledger.results(file, self.reader):
                read.add(result.page)
                judged = result if self.guarantee is None else self.guarantee.judged(result)
                corrected = self.corrections.applied(file.digest, judged)
                yield corrected if first is None else _flagged(corrected, first)
            if file.reason == GONE:
                yield from (
                    PageFailure(file.name, page, "unreadable", "the file was taken away before this page was read", 0.0)
                    for page in range(1, (file.pages or 0) + 1)
                    if page not in read
                )
            elif len(read) < pages:
                self._leave(file, f"the run ended when {pages - len(read)} of {pages} pages were to be read yet")

    def skipped(self) -> Iterator[SkippedFile]:
        """Once the results are through: the files that have no page, or not all, among them."""
        yield from self._skipped

    def _unopened(self, file: FileRow) -> Iterator[PageFailure]:
        if file.reason in FAILURE_REASONS:
            yield PageFailure(file.name, 0, file.reason, file.detail, file.seconds)
        elif file.reason:
            self._skipped.append(SkippedFile(file.name, file.reason, file.detail))
        else:
            self._leave(file, "the run ended before this file")

    def _leave(self, file: FileRow, detail: str) -> None:
        self.waiting += 1
        self._skipped.append(SkippedFile(file.name, self.left, detail))


def _flagged(result: PageResult, first: str) -> PageResult:
    """A page whose bytes came under another name before."""
    same = f"the same bytes as {first}"
    detail = f"{result.detail}; {same}" if result.detail else same
    if isinstance(result, PageReading):
        return replace(result, reason=result.reason or SAME_CONTENT, detail=detail)
    return replace(result, detail=detail)

"""What a run folder holds, from its ledger and its book; also while a run is writing there."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scanner.fields import REVIEW
from scanner.ledger import Ledger, ledger_errors
from scanner.page import FAILURE_REASONS
from scanner.review import Book, Said
from scanner.staging import LEDGER, holder_of


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of a run folder: what is done and what is not.

    Attributes:
        running: who is writing there now; empty where nobody is.
        last_run: when the last one that read anything ended, in UTC; empty where none has.
        files, done, closed, waiting, moved: of the tables; closed ones cannot be opened, waiting ones are not all read.
        left: files that were not opened, by reason.
        pages, failed: pages read, and those that failed by reason.
        accepted, review, settled, blank: fields; settled ones were to review, and people have done so.
    """

    running: str
    last_run: str
    files: int
    done: int
    closed: int
    waiting: int
    moved: int
    pages: int
    accepted: int
    review: int
    blank: int
    settled: int
    left: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    def json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def text(self) -> str:
        """A line a thing."""
        lines = [f"running   {self.running}"] if self.running else []
        lines += [f"last run  {self.last_run}"] if self.last_run else []
        moved = f", {self.moved:,} of them moved" if self.moved else ""
        closed = f", {self.closed:,} cannot be opened" if self.closed else ""
        waiting = f"{self.waiting:,} waiting{_by(self.left)}"
        lines.append(f"files     {self.files:,}: {self.done:,} done{moved}{closed}, {waiting}")
        failed = sum(self.failed.values())
        lines.append(
            f"pages     {self.pages + failed:,}: {self.pages:,} read, {failed:,} failed{_in_brackets(self.failed)}"
        )
        fields = self.accepted + self.settled + self.review + self.blank
        done = f"{self.settled:,} settled, " if self.settled else ""
        lines.append(
            f"fields    {fields:,}: {self.accepted:,} accepted, {done}{self.review:,} to review, {self.blank:,} blank"
        )
        return "\n".join(lines)


def _in_brackets(reasons: dict[str, int]) -> str:
    return f" ({_by(reasons).removeprefix(', ')})" if reasons else ""


def _by(reasons: dict[str, int]) -> str:
    return "".join(f", {number:,} {reason}" for reason, number in sorted(reasons.items()))


def status_of(output: Path) -> Status:
    """Of a run folder.

    Raises:
        NoInputError: there is no ledger in it.
        OutputError: the ledger cannot be read.
    """
    with ledger_errors(output / LEDGER), Ledger(output, to_look=True) as ledger:
        counts, runs, settled = ledger.counts(), ledger.runs(), _settled(ledger, output)
    unopened = _named(counts, "file ")
    failed = _named(counts, "failed ")
    closed = {reason: unopened.pop(reason) for reason in unopened.keys() & FAILURE_REASONS.keys()}
    for reason, number in closed.items():
        failed[reason] = failed.get(reason, 0) + number
    return Status(
        running=holder_of(output),
        last_run=runs[0].ended if runs else "",
        files=counts.get("files", 0),
        done=counts.get("done", 0),
        closed=sum(closed.values()),
        waiting=counts.get("waiting", 0),
        moved=counts.get("moved", 0),
        pages=counts.get("pages read", 0),
        accepted=counts.get("fields accepted", 0),
        review=counts.get("fields review", 0) - settled,
        blank=counts.get("fields blank", 0),
        settled=settled,
        left=unopened,
        failed=failed,
    )


def _settled(ledger: Ledger, output: Path) -> int:
    """How many of the fields to review people have settled."""
    with Book(output) as book:
        said = Said(book.all())
    pages = ((digest, ledger.page_of(digest, page)) for digest, page in said.pages)
    return sum(
        field.status == REVIEW and said.settled(digest, page.page, field.box_xywh) is not None
        for digest, page in pages
        if page is not None
        for field in page.fields
    )


def _named(counts: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in counts.items() if name.startswith(prefix)}

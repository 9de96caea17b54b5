"""The tables, the report and the corrections of a run folder, written from its ledger and its book."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.account import Account
from scanner.errors import NoInputError, OutputError, UsageError
from scanner.export import (
    FIELD_COLUMNS,
    PAGE_COLUMNS,
    REVIEW_COLUMNS,
    RunSummary,
    SkippedFile,
    write_corrections,
    write_tables,
)
from scanner.ledger import Ledger, Reader, ledger_errors
from scanner.order import Order, digest_of, make_kit
from scanner.pipeline import PageResult, policy_of
from scanner.report import Tally, write_report
from scanner.review import Book, Corrections
from scanner.review.guarantee import Guarantee, guarantee_of, nothing_accepted, quality_of
from scanner.staging import (
    CORRECTIONS,
    LEDGER,
    REPORT,
    REVIEW,
    keep_edited,
    output_folder,
    review_lock,
    signs_of_tables,
)
from scanner.task import Kit

if TYPE_CHECKING:
    from scanner.documents import Assembler
    from scanner.known import KnownForm
    from scanner.review.desk import Desk

ORDER_NOTE = "order"  # in the ledger: what the pages are read with
TABLES_NOTE = "tables"  # in the ledger: what the tables were made of, and how they look


@contextmanager
def open_run(output: Path) -> Iterator[tuple[Ledger, Book]]:
    """The ledger and the book of a run folder, that nobody else writes tables into until the block ends.

    Raises:
        OutputError: it cannot be written, or is not of scanner.
        RunningError: somebody else does.
    """
    with output_folder(output), ledger_errors(output / LEDGER), Ledger(output) as ledger, Book(output) as book:
        yield ledger, book


def publish_again(output: Path) -> RunSummary:
    """Write the tables of a run folder anew, as after corrections, with what its last run was asked for.

    Raises:
        NoInputError: there was no run.
        OutputError: forms or network have changed since, so that pages would be lost; or they cannot be written.
        RunningError: a run is going on, and will write them.
    """
    if not (output / LEDGER).exists():
        raise NoInputError(f"{output}: no {LEDGER} in it; name the output folder of a run")
    with open_run(output) as (ledger, book):
        note = json.loads(ledger.note(TABLES_NOTE) or "{}")
        order = Order.from_json(ledger.note(ORDER_NOTE) or Order().to_json())
        kit, reader, known = make_kit(order)
        if note.get("key") != kit.key:
            raise OutputError(
                f"{output}: forms, network or settings are not those of its last run; "
                "the same `scanner read` as before writes the tables, with all corrections"
            )
        account = Account(ledger, reader, Corrections(book), guarantee_now(order, ledger, book, reader), note["left"])
        return publish(ledger, book, output, account, known, kit)[0]


def guarantee_for(order: Order, ledger: Ledger, book: Book, reader: Reader | None = None) -> Guarantee | None:
    """What keeps the error asked for, by what this `reader` has read; None where none is asked for.

    Raises:
        UsageError: too little is verified.
    """
    return None if order.target_error is None else guarantee_of(ledger, book, order.target_error, reader)


def guarantee_now(order: Order, ledger: Ledger, book: Book, reader: Reader) -> Guarantee | None:
    """The same for tables that are to be written whatever is verified: without enough of it nothing is accepted."""
    try:
        return guarantee_for(order, ledger, book, reader)
    except UsageError:
        return nothing_accepted(order.target_error or 0.0)


@contextmanager
def open_review(
    output: Path, *, double: bool = False, sample: float = 0.0
) -> Iterator[tuple[Kit, "Callable[[], Desk]"]]:
    """What the pages of a run folder were read with, and what opens a desk on it; one server at a time reviews it.

    Raises:
        NoInputError: there was no run.
        RunningError: another one is open.
    """
    if not (output / LEDGER).exists():
        raise NoInputError(f"{output}: no {LEDGER} in it; name the output folder of a run")
    with ledger_errors(output / LEDGER), Ledger(output, to_look=True) as ledger:
        order = ledger.note(ORDER_NOTE)
    asked = Order.from_json(order) if order else Order()
    kit, reader, known = make_kit(asked)

    def guarantee(ledger: Ledger, book: Book) -> Guarantee | None:
        return guarantee_now(asked, ledger, book, reader)

    from scanner.review.desk import Desk

    with review_lock(output):
        yield kit, lambda: Desk(output, known, double=double, sample=sample, guarantee=guarantee)


def publish(
    ledger: Ledger, book: Book, output: Path, account: Account, known: "Sequence[KnownForm]", kit: Kit
) -> tuple[RunSummary, Path | None]:
    """Write the tables, unless they are already as they would be; and where an edited review.csv was put aside."""
    reader = account.reader if account.reader.redo != "nothing" else replace(account.reader, since="")
    parts = repr((account.guarantee, reader, FIELD_COLUMNS, REVIEW_COLUMNS, PAGE_COLUMNS))
    state = digest_of(ledger.state(), book.state(), kit.key, account.left, parts)
    note = json.loads(ledger.note(TABLES_NOTE) or "{}")
    signs = note.get("signs", {})
    if note.get("state") == state and (signs == signs_of_tables(output) or _is_only_review_edited(signs, output)):
        return RunSummary(**note["summary"]), None
    kept = [keep_edited(output, signs)]
    results, assembler = _with_forms(account.results(), known, kit, is_guaranteed=account.guarantee is not None)
    tally = Tally()

    def finish(folder: Path, skipped: Sequence[SkippedFile]) -> None:
        tally.skipped.update(file.reason for file in skipped)
        if book.path.exists():
            write_corrections(folder / CORRECTIONS, account.corrections.made)
        quality = quality_of(ledger, book, account.guarantee)
        write_report(folder / REPORT, output.resolve().name, tally, ledger.runs(), output, quality)

    summary = write_tables(
        output, tally.see(results), skipped=account.skipped(), documents=assembler, finish=finish,
        replacing=lambda: kept.append(keep_edited(output, signs)),  # what was saved while they were written
    )  # fmt: skip
    summary = replace(summary, lost=account.corrections.lost)
    note = {
        "state": state,
        "signs": signs_of_tables(output),
        "summary": asdict(summary),
        "key": kit.key,
        "left": account.left,
    }
    with ledger.transaction():
        ledger.put_note(TABLES_NOTE, json.dumps(note))
    _clear_stale(ledger, output)
    return summary, next(filter(None, reversed(kept)), None)


def _is_only_review_edited(signs: dict[str, list[int]], output: Path) -> bool:
    """Whether somebody is at work in review.csv, and nothing is new."""
    now = signs_of_tables(output)
    return now.keys() == signs.keys() and all(now[name] == signs[name] for name in now if name != REVIEW)


def _with_forms(
    results: Iterator[PageResult], known: "Sequence[KnownForm]", kit: Kit, *, is_guaranteed: bool
) -> "tuple[Iterator[PageResult], Assembler | None]":
    """What all pages together say of their unique fields, and what puts them together to documents."""
    if not known:
        return results, None
    from scanner.documents import Assembler
    from scanner.unique import settle_unique

    policy = policy_of(kit.network.card, kit.min_confidence)
    return settle_unique(results, known, policy, accepts=not is_guaranteed), Assembler(known)


def _clear_stale(ledger: Ledger, output: Path) -> None:
    """Remove the pictures that are no page's any more, now that no table names them."""
    for path in ledger.stale_pictures():
        with suppress(FileNotFoundError):
            (output / path).unlink()
    with ledger.transaction():
        ledger.clear_stale()

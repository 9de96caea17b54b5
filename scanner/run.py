"""One run: files and folders of scans in, the tables of an output folder out. `scanner read` is this function.

What is done is in the ledger of the folder, a page at a time; the tables are written from it at the end. So a run that
was killed goes on where it ended, and the next one reads what is new.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from scanner.account import Account
from scanner.engine import Engine, open_crew
from scanner.errors import UsageError
from scanner.events import tell_event
from scanner.export import RunSummary
from scanner.fields import ACCEPTED, BLANK_STATUS
from scanner.fields import REVIEW as REVIEW_STATUS
from scanner.ledger import Ledger, Reader, Redo, RunRow
from scanner.moving import move_files
from scanner.order import NO_CHORES, PLAIN, Chores, Order, check_order, make_kit, nothing_in
from scanner.page import discover
from scanner.plan import YOUNG_REASONS, plan_files
from scanner.publish import ORDER_NOTE, guarantee_for, guarantee_now, open_run, publish
from scanner.remote import path_of
from scanner.review import Book, Corrections
from scanner.review.guarantee import Guarantee
from scanner.shift import Shift
from scanner.staging import CROPS, LEDGER, scratch_folder, spill_into
from scanner.task import Kit

TOLD_NOTE = "told"  # in the ledger: up to when it was told what has failed
MOST_TOLD = 20  # failures, by name
REDO_NOTE = "redo"  # in the ledger: what is being read again, and since when
Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many files are finished, and of how many."""


IN_THIS_PROCESS = Engine()


def run(
    inputs: Sequence[Path | str],
    output: Path | str,
    order: Order = PLAIN,
    *,
    engine: Engine = IN_THIS_PROCESS,
    chores: Chores = NO_CHORES,
    is_stopped: Callable[[], bool] = lambda: False,
    progress: Progress = lambda done, files: None,
) -> RunSummary:
    """Read every page of `inputs` that is not in the ledger of `output` yet, and write tables and pictures there.

    Args:
        inputs: files and folders; folders are searched through.
        output: the folder of the results. Its tables are of these inputs, and are replaced at the end.
        order: what they are to be read with.
        engine: where pages are read; by default in this process.
        chores: what else is to be done, and left.
        is_stopped: asked between pages; the run then ends with what is in hand.
        progress: is told of each file that is finished.

    Raises:
        ScannerError: one of its kinds, for what stops a run: see `scanner.errors`.
    """
    paths, folder = [path_of(each) for each in inputs], Path(output)
    check_order(paths, folder, order, chores)
    kit, reader, known = make_kit(order)
    spill_into(folder)
    discovery = discover(paths)
    if not discovery.count and not (folder / LEDGER).exists():
        raise nothing_in(paths)
    with open_run(folder) as (ledger, book):
        # before it is asked anew which files are still the same
        guarantee, is_due = _guarantee_before(order, ledger, book, reader)
        with ledger.transaction():
            ledger.put_note(ORDER_NOTE, order.to_json())
            plan = plan_files(ledger, paths, discovery, settle_s=chores.settle_s, prune=chores.prune)
            if not plan.files:
                raise nothing_in(paths)
            if not (folder / CROPS).exists():
                ledger.read_again_what_has_crops()
            if guarantee is not None:
                ledger.read_again_for_crops(guarantee.is_sure)
            reader = _with_redo(reader, ledger, chores.redo)
        shift = Shift(ledger, reader, folder, chores.limit, lambda done: progress(done, plan.files))
        tell_event("started", output=str(folder), files=plan.found, process=os.getpid())
        started = ledger.now()
        is_interrupted = _work(shift, engine, kit, is_stopped)
        gone = plan.gone - ledger.forget_renamed()
        _note_run(ledger, shift, started, is_interrupted)
        if is_due:
            guarantee = guarantee_now(order, ledger, book, reader)
        account = Account(
            ledger, reader, Corrections(book), guarantee, "waiting" if shift.is_limited else "interrupted"
        )
        summary, kept = publish(ledger, book, folder, account, known, kit)
        told = ledger.now()
        new_failed, failures = _news(ledger)
        young = ledger.count_left(YOUNG_REASONS)
        if account.waiting and not is_interrupted and not shift.is_limited:
            raise RuntimeError(f"{account.waiting} files were neither read nor did they fail")
        ledger.check_there()
        if not is_interrupted and (chores.move_done or chores.move_failed):
            move_files(ledger, reader, chores.move_done, chores.move_failed, shift.is_done)
        if not is_interrupted:  # last: what goes wrong before keeps failures from being told
            ledger.put_note(TOLD_NOTE, told)
    tell_event("interrupted" if is_interrupted else "finished", new=shift.new, failed=shift.new_failed + shift.unopened)
    return replace(
        summary,
        new=shift.new,
        new_failed=new_failed,
        failures=failures,
        gone=gone,
        young=young,
        is_interrupted=is_interrupted,
        kept_review=kept,
        guarantee="" if guarantee is None else guarantee.line(summary.review),
    )


def _note_run(ledger: Ledger, shift: Shift, started: str, is_interrupted: bool) -> None:
    """Keep what the run has added, and that what was to be read again is."""
    if shift.new:
        ledger.put_run(_row_of(shift, started, ledger.now(), is_interrupted))
    if not is_interrupted and not shift.is_limited:
        ledger.put_note(REDO_NOTE, "{}")


def _guarantee_before(order: Order, ledger: Ledger, book: Book, reader: Reader) -> tuple[Guarantee | None, bool]:
    """What keeps the error asked for; and whether it is by what another network has read: then it is due anew.

    Raises:
        UsageError: too little is verified.
    """
    with suppress(UsageError):
        return guarantee_for(order, ledger, book, reader), False
    return guarantee_for(order, ledger, book), True


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: the names of the files that it would read, or go on with, and how many are done."""

    to_read: tuple[str, ...]
    done: int


def preview(inputs: Sequence[Path], output: Path, order: Order = PLAIN, *, chores: Chores = NO_CHORES) -> Preview:
    """What `run` would read, without doing or writing anything; for the arguments and errors see there."""
    check_order(inputs, output, order, chores)
    _, reader, _ = make_kit(order)
    discovery = discover(inputs)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        if (output / LEDGER).exists():  # a run may be writing to it, and must not wait
            with Ledger(output, to_look=True) as there:
                there.copy_to(folder)
        ledger = stack.enter_context(Ledger(folder))
        with suppress(_Undone), ledger.transaction():
            plan = plan_files(ledger, inputs, discovery, settle_s=chores.settle_s, prune=chores.prune)
            reader = _with_redo(reader, ledger, chores.redo)
            shift = Shift(ledger, reader, output)
            names = tuple(file.name for file in ledger.files() if not shift.is_done(file))
            raise _Undone
    return Preview(names, plan.files - len(names))


class _Undone(Exception):
    """Ends a transaction that was never meant to last."""


def _work(shift: Shift, engine: Engine, kit: Kit, is_stopped: Callable[[], bool]) -> bool:
    """Do what is to be done; whether it was interrupted. Without anything to do no worker is started."""
    if not shift.has_jobs():
        return False
    try:
        with scratch_folder(shift.output) as folder, open_crew(engine, kit, folder) as crew:
            shift.run(crew, is_stopped)
    except KeyboardInterrupt:  # a second one: pages in hand are lost, and read again by the next run
        return True
    return is_stopped()


def _with_redo(reader: Reader, ledger: Ledger, redo: Redo) -> Reader:
    """The reader that reads again what was read before now; or before a run that began with it and did not end."""
    begun = json.loads(ledger.note(REDO_NOTE) or "{}")
    since = begun["since"] if begun.get("redo") == redo and redo != "nothing" else ledger.now()
    ledger.put_note(REDO_NOTE, json.dumps({"redo": redo, "since": since}))
    return replace(reader, redo=redo, since=since)


def _news(ledger: Ledger) -> tuple[int, tuple[str, ...]]:
    """How many pages have failed since a run has told of failures, and the first of them in words."""
    found = list(ledger.failures_since(ledger.note(TOLD_NOTE) or ""))
    places = [f"{file}, page {page}" if page else file for file, page, _, _ in found[:MOST_TOLD]]
    told = [f"{place}: {reason} ({detail})" for place, (_, _, reason, detail) in zip(places, found, strict=False)]
    return len(found), (*told, *([f"and {len(found) - len(told):,} more"] if len(found) > len(told) else []))


def _row_of(shift: Shift, started: str, ended: str, is_interrupted: bool) -> RunRow:
    return RunRow(
        started=started,
        ended=ended,
        is_interrupted=is_interrupted,
        pages=shift.new - shift.new_failed,
        failed=shift.new_failed,
        accepted=shift.fields[ACCEPTED],
        review=shift.fields[REVIEW_STATUS],
        blank=shift.fields[BLANK_STATUS],
        seconds=round(shift.seconds, 3),
    )

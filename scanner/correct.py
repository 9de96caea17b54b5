"""Corrections in a table: taken into the book of a run folder, and its tables written anew."""

import getpass
import os
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import OutputError, RunningError, UsageError
from scanner.export import RunSummary
from scanner.known import KnownForm
from scanner.ledger import Ledger, ledger_errors
from scanner.order import Order, make_kit
from scanner.publish import ORDER_NOTE, publish_again
from scanner.review import Book
from scanner.review.take_in import TakenIn, take_in
from scanner.staging import LEDGER


@dataclass(frozen=True, slots=True)
class Corrected:
    """What came of a table, and of the tables of the run; without a summary they are to be written yet: see `why`."""

    taken: TakenIn
    summary: RunSummary | None
    why: str = ""


def correct(output: Path, table: Path, who: str | None = None) -> Corrected:
    """Take a filled review.csv into the book of a run folder, and write its tables anew.

    Args:
        output: the folder of a run; one may be going on there.
        table: review.csv with the column `correct_value` filled, in any dialect of CSV.
        who: has filled it; by default the user of this process.

    Raises:
        NoInputError: there was no run.
        SheetError: the table has mistakes; then nothing is taken in.
        OutputError: the book or the tables cannot be written.
    """
    with ledger_errors(output / LEDGER), Ledger(output, to_look=True) as ledger, Book(output) as book:
        forms = _forms_of(ledger)
        taken = take_in(ledger, book, table, who or _user(), forms)
    try:
        return Corrected(taken, publish_again(output))
    except (RunningError, OutputError, UsageError) as error:  # what was taken in is safe
        return Corrected(taken, None, str(error))


def _user() -> str:
    """Who runs this process; its number, where the machine knows no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _forms_of(ledger: Ledger) -> tuple[KnownForm, ...]:
    order = ledger.note(ORDER_NOTE)
    return tuple(make_kit(Order.from_json(order))[2]) if order else ()

"""One run: files and folders of scans in, the tables of an output folder out. `scanner read` is this function.

What is done is in the ledger of the folder, a page at a time; the tables are written from it at the end. So a run that
was killed goes on where it ended, and the next one reads what is new.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from scanner.account import Account
from scanner.engine import Engine, open_crew
from scanner.errors import NoInputError, UsageError
from scanner.events import tell_event
from scanner.export import FIELD_COLUMNS, PAGE_COLUMNS, RunSummary, SkippedFile, write_tables
from scanner.fields import ACCEPTED, BLANK_STATUS
from scanner.fields import REVIEW as REVIEW_STATUS
from scanner.ledger import Ledger, Reader, Redo, RunRow, ledger_errors, now_text
from scanner.moving import move_files
from scanner.network import read_network_files
from scanner.page import discover
from scanner.pipeline import PageResult, policy_of
from scanner.plan import plan_files
from scanner.report import Tally, write_report
from scanner.shift import Shift
from scanner.staging import (
    CROPS,
    LEDGER,
    PUBLISHED,
    REPORT,
    REVIEW,
    keep_edited,
    output_folder,
    scratch_folder,
    signs_of_tables,
)
from scanner.task import Kit

if TYPE_CHECKING:
    from scanner.documents import Assembler
    from scanner.known import FormFiles, KnownForm

REDO_NOTE = "redo"  # in the ledger: what is being read again, and since when
TABLES_NOTE = "tables"  # in the ledger: what the tables were made of, and how they look
Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many files are finished, and of how many."""


@dataclass(frozen=True, slots=True)
class Chores:
    """What a nightly run does beside reading.

    Attributes:
        settle_s: files changed less than so many seconds ago are left for the next run.
        limit: how many pages are read at most.
        redo: what is read again although it is in the ledger.
        prune: whether files that are there no more lose their rows in the tables.
        move_done, move_failed: folders for files that are all read, and for those of which a page failed.
    """

    settle_s: float = 0.0
    limit: int | None = None
    redo: Redo = "nothing"
    prune: bool = False
    move_done: Path | None = None
    move_failed: Path | None = None


IN_THIS_PROCESS, NO_CHORES = Engine(), Chores()


def run(
    inputs: Sequence[Path],
    output: Path,
    *,
    model: Path | None = None,
    min_confidence: float | None = None,
    forms: Sequence[Path] = (),
    reads_unknown: bool = True,
    overlay: bool = False,
    engine: Engine = IN_THIS_PROCESS,
    chores: Chores = NO_CHORES,
    is_stopped: Callable[[], bool] = lambda: False,
    progress: Progress = lambda done, files: None,
) -> RunSummary:
    """Read every page of `inputs` that is not in the ledger of `output` yet, and write tables and pictures there.

    Args:
        inputs: files and folders; folders are searched through.
        output: the folder of the results. Its tables are of these inputs, and are replaced at the end.
        model: an ONNX network with its card beside it; by default the one that comes with scanner.
        min_confidence: fields below it go to review; by default what the network's card says.
        forms: `form.toml` files and folders of them; pages that show one are read as it says.
        reads_unknown: whether pages that show none of them are read all the same; else they fail.
        overlay: whether to draw each page with its readings.
        engine: where pages are read; by default in this process.
        chores: what else is to be done, and left.
        is_stopped: asked between pages; the run then ends with what is in hand.
        progress: is told of each file that is finished.

    Raises:
        ScannerError: one of its kinds, for what stops a run: see `scanner.errors`.
    """
    _check(inputs, output, min_confidence, chores)
    kit, reader, known = _kit(model, min_confidence, forms, reads_unknown, overlay)
    discovery = discover(inputs)
    if not discovery.count and not (output / LEDGER).exists():
        raise _nothing_in(inputs)
    with output_folder(output), ledger_errors(output / LEDGER), Ledger(output) as ledger:
        with ledger.transaction():
            plan = plan_files(ledger, inputs, discovery, settle_s=chores.settle_s, prune=chores.prune)
            if not plan.files:
                raise _nothing_in(inputs)
            if not (output / CROPS).exists():
                ledger.read_again_what_has_crops()
            reader = _with_redo(reader, ledger, chores.redo)
        shift = Shift(ledger, reader, output, chores.limit, lambda done: progress(done, plan.files))
        tell_event("started", output=str(output), files=plan.found, process=os.getpid())
        started = now_text()
        is_interrupted = _work(shift, engine, kit, is_stopped)
        if shift.new:
            ledger.put_run(_row_of(shift, started, is_interrupted))
        if not is_interrupted and not shift.is_limited:
            ledger.put_note(REDO_NOTE, "{}")
        account = Account(ledger, reader, "waiting" if shift.is_limited else "interrupted")
        summary, kept = _export(ledger, output, account, known, kit)
        if account.waiting and not is_interrupted and not shift.is_limited:
            raise RuntimeError(f"{account.waiting} files were neither read nor did they fail")
        _clear_stale(ledger, output)
        if not is_interrupted and (chores.move_done or chores.move_failed):
            move_files(ledger, reader, chores.move_done, chores.move_failed, shift.is_done)
    tell_event("interrupted" if is_interrupted else "finished", new=shift.new, failed=shift.new_failed)
    return replace(
        summary,
        new=shift.new,
        new_failed=shift.new_failed,
        gone=plan.gone,
        is_interrupted=is_interrupted,
        kept_review=kept,
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: the names of the files that it would read, or go on with, and how many are done."""

    to_read: tuple[str, ...]
    done: int


def preview(
    inputs: Sequence[Path],
    output: Path,
    *,
    model: Path | None = None,
    min_confidence: float | None = None,
    forms: Sequence[Path] = (),
    reads_unknown: bool = True,
    overlay: bool = False,
    chores: Chores = NO_CHORES,
) -> Preview:
    """What `run` would read, without doing or writing anything; for the arguments and errors see there."""
    _check(inputs, output, min_confidence, chores)
    _, reader, _ = _kit(model, min_confidence, forms, reads_unknown, overlay)
    discovery = discover(inputs)
    with ExitStack() as stack:
        is_new = not (output / LEDGER).exists()
        folder = Path(stack.enter_context(TemporaryDirectory())) if is_new else output
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
    since = begun["since"] if begun.get("redo") == redo and redo != "nothing" else now_text()
    ledger.put_note(REDO_NOTE, json.dumps({"redo": redo, "since": since}))
    return replace(reader, redo=redo, since=since)


def _row_of(shift: Shift, started: str, is_interrupted: bool) -> RunRow:
    return RunRow(
        started=started,
        ended=now_text(),
        is_interrupted=is_interrupted,
        pages=shift.new - shift.new_failed,
        failed=shift.new_failed,
        accepted=shift.fields[ACCEPTED],
        review=shift.fields[REVIEW_STATUS],
        blank=shift.fields[BLANK_STATUS],
        seconds=round(shift.seconds, 3),
    )


def _kit(
    model: Path | None,
    min_confidence: float | None,
    forms: Sequence[Path],
    reads_unknown: bool,
    overlay: bool,
) -> "tuple[Kit, Reader, Sequence[KnownForm]]":
    """What workers read with, what the ledger knows of it, and the forms."""
    network = read_network_files(model)
    files: tuple[FormFiles, ...] = ()
    known: Sequence[KnownForm] = ()
    if forms:
        from scanner.known import make_known_form, read_all_form_files  # a tenth of a second to import

        files = read_all_form_files(forms)
        known = tuple(map(make_known_form, files))  # their mistakes stop the run, and not each page
    key = _digest(network.sha256, repr(network.card), repr(min_confidence))
    versions = {each.form.name: each.version for each in files}
    unknown = _digest(*sorted(versions.values()), repr(reads_unknown and bool(files)))
    kit = Kit(_digest(key, unknown), network, files, min_confidence, reads_unknown, overlay)
    return kit, Reader(key, versions, unknown, overlay), known


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _export(
    ledger: Ledger, output: Path, account: Account, known: "Sequence[KnownForm]", kit: Kit
) -> tuple[RunSummary, Path | None]:
    """Write the tables, unless they are already as they would be; and where an edited review.csv was put aside."""
    state = _digest(ledger.state(), kit.key, account.left, repr((FIELD_COLUMNS, PAGE_COLUMNS)))
    note = json.loads(ledger.note(TABLES_NOTE) or "{}")
    signs = note.get("signs", {})
    if note.get("state") == state and (signs == signs_of_tables(output) or _is_only_review_edited(signs, output)):
        return RunSummary(**note["summary"]), None
    kept = keep_edited(output, signs)
    results, assembler = _with_forms(account.results(), known, kit)
    tally = Tally()

    def finish(folder: Path, skipped: Sequence[SkippedFile]) -> None:
        tally.skipped.update(file.reason for file in skipped)
        write_report(folder / REPORT, output.resolve().name, tally, ledger.runs(), output)

    summary = write_tables(output, tally.see(results), skipped=account.skipped(), documents=assembler, finish=finish)
    note = {"state": state, "signs": signs_of_tables(output), "summary": asdict(summary)}
    with ledger.transaction():
        ledger.put_note(TABLES_NOTE, json.dumps(note))
    return summary, kept


def _is_only_review_edited(signs: dict[str, list[int]], output: Path) -> bool:
    """Whether somebody is at work in review.csv, and nothing is new."""
    now = signs_of_tables(output)
    return now.keys() == signs.keys() and all(now[name] == signs[name] for name in now if name != REVIEW)


def _with_forms(
    results: Iterator[PageResult], known: "Sequence[KnownForm]", kit: Kit
) -> "tuple[Iterator[PageResult], Assembler | None]":
    """What all pages together say of their unique fields, and what puts them together to documents."""
    if not known:
        return results, None
    from scanner.documents import Assembler
    from scanner.unique import settle_unique

    return settle_unique(results, known, policy_of(kit.network.card, kit.min_confidence)), Assembler(known)


def _clear_stale(ledger: Ledger, output: Path) -> None:
    """Remove the pictures that are no page's any more, now that no table names them."""
    for path in ledger.stale_pictures():
        with suppress(FileNotFoundError):
            (output / path).unlink()
    with ledger.transaction():
        ledger.clear_stale()


def _nothing_in(inputs: Sequence[Path]) -> NoInputError:
    return NoInputError(f"{', '.join(map(str, inputs))}: no image or PDF files found; name a folder of scans")


def _check(inputs: Sequence[Path], output: Path, min_confidence: float | None, chores: Chores) -> None:
    if min_confidence is not None and not 0 <= min_confidence <= 1:  # not a number is none of these either
        raise UsageError(f"--min-confidence: {min_confidence} is no probability; choose one from 0 to 1")
    _check_apart(inputs, output)
    _check_moves(inputs, output, chores)


def _check_apart(inputs: Sequence[Path], output: Path) -> None:
    """What a run writes must not be read by the next, nor what it reads be replaced."""
    results = _real(output)
    replaced = [results / name for name in PUBLISHED]
    for given in inputs:
        source = _real(given)
        if os.path.isdir(source) and results.is_relative_to(source):  # noqa: PTH112 - Path.is_dir may raise
            raise UsageError(
                f"output folder {output} lies inside input folder {given}, and its pictures would be read as scans; "
                "choose another with --output"
            )
        if any(source.is_relative_to(path) for path in replaced):
            raise UsageError(f"input {given} would be replaced by the results; choose another folder with --output")


def _check_moves(inputs: Sequence[Path], output: Path, chores: Chores) -> None:
    """What is moved away must not be found again."""
    for option, folder in (("--move-done", chores.move_done), ("--move-failed", chores.move_failed)):
        if folder is not None and any(_real(folder).is_relative_to(_real(given)) for given in inputs):
            raise UsageError(f"{option}: {folder} lies inside an input, and would be read again; choose another folder")
        if folder is not None and _real(folder).is_relative_to(_real(output)):
            raise UsageError(f"{option}: {folder} lies inside the output; choose another folder")
        if folder is not None and folder.exists() and not folder.is_dir():
            raise UsageError(f"{option}: {folder} is no folder; choose another one")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve may raise

"""An output folder that changes only when what is to be written is finished, and that one run writes at a time.

Tables are written into a hidden folder inside OUTPUT, on the same disk; then renaming puts them in the place of earlier
ones.
"""

import csv
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path

from filelock import FileLock, Timeout

from scanner.errors import OutputError, RunningError

STAGING, SCRATCH = ".partial", ".workers"
LOCK, HOLDER, REVIEW_LOCK = ".lock", ".holder", ".review-lock"
LEDGER = "run.db"
# In the order of putting in place: pages.csv first, it shows whose the rest is.
REVIEW = "review.csv"
REPORT = "report.html"
CORRECTIONS = "corrections.csv"
FORMS = "forms.csv"
TABLES = ("pages.csv", "fields.csv", REVIEW, FORMS, CORRECTIONS, REPORT)
CROPS = "crops"
PICTURES = (CROPS, "overlays", "thumbnails")
PUBLISHED = (*TABLES, *PICTURES)  # what a person finds in OUTPUT, beside the ledger
SIGN = "file,page,form,status,"  # how the pages.csv of a run begins, and its forms.csv


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside its target and renamed, so that no half file bears the name; raises OSError.

    A link stays one, to the new file; a pipe or a terminal is written to as it is.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not (target.is_file() or target.is_dir()):
        write(path)
        return
    part = target.with_name(f".part-{target.name}")
    try:
        write(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def spill_into(output: Path) -> None:
    """Have SQLite write what does not fit into memory here, if it is a folder: /tmp may be small, or read-only."""
    if os.path.isdir(output):  # noqa: PTH112 - Path.is_dir may raise
        os.environ.setdefault("SQLITE_TMPDIR", os.fspath(output.absolute()))


@contextmanager
def output_folder(output: Path) -> Iterator[None]:
    """The folder of a run, made if it is missing, held by this process until the block ends.

    Raises:
        OutputError: it cannot be written, or holds what is not of a run; also for every OSError of the block, as all
            that it does there is to write.
        RunningError: another run holds it.
    """
    try:
        if output.exists() and not output.is_dir():
            raise OutputError(f"{output}: is no folder; name one with --output")
        output.mkdir(parents=True, exist_ok=True)
        spill_into(output)
        with _lock(output):
            _refuse_foreign(output)
            yield
    except OSError as error:
        place = error.filename or output
        raise OutputError(
            f"{place}: cannot write: {error.strerror or error}; make room, or choose another folder with --output"
        ) from error


@contextmanager
def _lock(output: Path) -> Iterator[None]:
    """Held by this process until it ends, however it ends."""
    lock, holder = FileLock(output / LOCK), output / HOLDER
    try:
        lock.acquire(blocking=False)
    except Timeout:
        told = holder_of(output) or "another run"
        raise RunningError(f"{output}: {told}, is writing here; wait for it, or stop it") from None
    try:
        holding = {"process": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        holder.write_text(json.dumps(holding), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def review_lock(output: Path) -> Iterator[None]:
    """Held by the one server that reviews this folder, until it ends. Raises RunningError."""
    lock = FileLock(output / REVIEW_LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunningError(f"{output}: another `scanner review` is open on it; several people can use that") from None
    try:
        yield
    finally:
        lock.release()


def holder_of(output: Path) -> str:
    """Who is writing to a run folder, and how long already; empty where nobody is."""
    try:
        told = json.loads((output / HOLDER).read_text(encoding="utf-8"))
        if told["host"] == socket.gethostname():
            with suppress(PermissionError):  # it is another user's
                os.kill(told["process"], 0)
        minutes = (time.time() - told["since"]) / 60
        return f"process {told['process']} on {told['host']}, since {minutes:.0f} minutes"
    except (OSError, ValueError, LookupError, TypeError):  # it was killed, or is about to begin
        return ""


def _refuse_foreign(output: Path) -> None:
    """What scanner has not written it must not replace: `--output .` may stand over someone's own `crops`."""
    present = [name for name in PUBLISHED if (output / name).exists()]
    if present and not (output / LEDGER).exists() and not _is_ours(output / "pages.csv"):
        raise OutputError(f"{output / present[0]}: is not of an earlier run; choose another folder with --output")


def _is_ours(pages: Path) -> bool:
    with suppress(FileNotFoundError), pages.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith(SIGN)
    return False


@contextmanager
def staging_folder(output: Path, replacing: Callable[[], object] = lambda: None) -> Iterator[Path]:
    """An empty folder inside `output`; its tables take the place of earlier ones when the block ends well.

    `replacing` is called right before.
    """
    staging = output / STAGING
    _remove(staging)  # of a run that was killed
    staging.mkdir()
    try:
        yield staging
        replacing()
        for name in TABLES:
            if (staging / name).exists():
                (staging / name).replace(output / name)
            elif _is_ours(output / name):
                (output / name).unlink()
        sync_folder(output)
    finally:
        _remove(staging)


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """An empty folder inside `output` for what workers hand over; it is gone afterward."""
    scratch = output.absolute() / SCRATCH
    _remove(scratch)  # of a run that was killed
    scratch.mkdir()
    try:
        yield scratch
    finally:
        _remove(scratch)


def signs_of_tables(output: Path) -> dict[str, list[int]]:
    """Size and time of each table that is there: they change when somebody else writes it."""
    paths = [output / name for name in TABLES if (output / name).exists()]
    return {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}


def keep_edited(output: Path, signs: dict[str, list[int]]) -> Path | None:
    """Put a review.csv aside that somebody has written to since it had these signs, so that no work is lost."""
    review = output / REVIEW
    if not review.exists() or signs_of_tables(output)[REVIEW] == signs.get(REVIEW):
        return None
    if REVIEW not in signs and _is_as_written(review):
        return None
    written = time.strftime("%Y-%m-%dT%H%M%S", time.localtime(review.stat().st_mtime))
    kept = review.with_name(f"review-edited-{written}.csv")
    again = (kept.with_stem(f"{kept.stem}-{number}") for number in count(2))
    kept = next(path for path in chain([kept], again) if not path.exists())
    review.replace(kept)
    return kept


def _is_as_written(review: Path) -> bool:
    """Whether a table is as scanner writes it, and nobody has filled in anything."""
    try:
        with review.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            is_ours = {"file", "correct_value"} <= set(rows.fieldnames or ())
            return is_ours and not any(row["correct_value"] for row in rows)
    except (UnicodeDecodeError, csv.Error):
        return False


def sync_folder(folder: Path) -> None:
    """Make renames last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)

"""Files that are done with, moved out of the way: never deleted, never over another."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from scanner.errors import OutputError, PageError
from scanner.events import tell_event
from scanner.ledger import FileRow, Ledger, Reader
from scanner.opening import signature_of
from scanner.pipeline import PageFailure
from scanner.staging import sync_folder

YOUNG_S = 60.0  # a file that failed stays where it is for so long


def move_files(
    ledger: Ledger, reader: Reader, done: Path | None, failed: Path | None, is_done: Callable[[FileRow], bool]
) -> int:
    """Move files that are all read to `done`, those of which a page failed to `failed`; how many were moved.

    They keep their name in the tables as path below these folders.

    Raises:
        OutputError: one cannot be moved.
    """
    moved, problems = 0, list[str]()
    for file in ledger.files():
        if file.moved_to is not None or file.digest is None or file.reason or not is_done(file):
            continue
        has_failed = any(isinstance(result, PageFailure) for result in ledger.results(file, reader))
        folder = failed if has_failed else done
        if folder is None or not _is_unchanged(file) or (has_failed and _is_young(file)):
            continue
        try:
            target = _move(file.path, folder.absolute() / file.name)
            signature = signature_of(target)
        except (OSError, PageError) as error:
            problems.append(f"{file.path}: cannot be moved to {folder} ({error})")
            continue
        with ledger.transaction():
            ledger.put_moved(file, target, signature)
        tell_event("moved", file=file.name, to=str(target))
        moved += 1
    if problems:
        more = f", and {len(problems) - 1:,} more cannot" if len(problems) > 1 else ""
        raise OutputError(f"{problems[0]}{more}; all was read, and the tables are complete")
    return moved


def _is_young(file: FileRow) -> bool:
    """Whether somebody may still be writing it: then it only looks as if it were damaged."""
    return abs(time.time() - file.signature.mtime_ns / 1e9) < YOUNG_S


def _is_unchanged(file: FileRow) -> bool:
    try:
        return signature_of(file.path) == file.signature
    except PageError:
        return False


def _move(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target = _free(target)
    if path.is_symlink():
        target.symlink_to(os.path.realpath(path))  # from its new place the old one might lead nowhere
        path.unlink()
        return target
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".part-{target.name}")  # on another disk: whole, or not at all
        shutil.copy2(path, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
        sync_folder(target.parent)
        path.unlink()
    return target


def _free(target: Path) -> Path:
    number, free = 2, target
    while os.path.lexists(free):
        free, number = target.with_name(f"{target.stem}~{number}{target.suffix}"), number + 1
    return free

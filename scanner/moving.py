"""Files that are done with, moved out of the way: never deleted, never over another."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from scanner.errors import OutputError, PageError
from scanner.events import tell_event
from scanner.ledger import FileRow, Ledger
from scanner.page import signature_of
from scanner.pipeline import PageFailure
from scanner.staging import sync_folder


def move_files(ledger: Ledger, done: Path | None, failed: Path | None, is_done: Callable[[FileRow], bool]) -> int:
    """Move files that are all read to `done`, those of which a page failed to `failed`; how many were moved.

    They keep their name in the tables as path below these folders.

    Raises:
        OutputError: one cannot be moved.
    """
    moved = 0
    for file in ledger.files():
        if file.moved_to is not None or file.digest is None or file.reason or not is_done(file):
            continue
        has_failed = any(isinstance(result, PageFailure) for result in ledger.results(file))
        folder = failed if has_failed else done
        if folder is None or not _is_unchanged(file):
            continue
        try:
            target = _move(file.path, folder.absolute() / file.name)
            signature = signature_of(target)
        except (OSError, PageError) as error:
            raise OutputError(
                f"{file.path}: cannot be moved to {folder} ({error}); it was read, and the tables are complete"
            ) from error
        with ledger.transaction():
            ledger.put_moved(file, target, signature)
        tell_event("moved", file=file.name, to=str(target))
        moved += 1
    return moved


def _is_unchanged(file: FileRow) -> bool:
    try:
        return signature_of(file.path) == file.signature
    except PageError:
        return False


def _move(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target = _free(target)
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

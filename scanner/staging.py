"""Files and output folders that change only when what is to be written is finished.

A run writes into a hidden folder inside OUTPUT, on the same disk; then renaming puts it in the place of an earlier one.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scanner.errors import OutputError

STAGING = ".partial"
INTERRUPTED_RUN = "interrupted"
# All that a run may leave in OUTPUT, in the order of putting in place: pages.csv first, it shows whose the rest is.
PUBLISHED = ("pages.csv", "crops", "overlays", INTERRUPTED_RUN, "fields.csv", "review.csv", "forms.csv")
SIGN = "file,page,form,status,"  # how the pages.csv of a run begins


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


def interrupted_folder(output: Path) -> Path:
    """Where an interrupted run goes: beside an earlier run, never in its place."""
    return output / INTERRUPTED_RUN if (output / "pages.csv").exists() else output


@contextmanager
def staging_folder(output: Path) -> Iterator[Path]:
    """An empty folder inside `output` that is gone afterward; one run at a time.

    Raises:
        OutputError: also for every OSError of the block, as all that it does is to write.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is no folder; name one with --output")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with _lock(output):
            _refuse_foreign(output)
            staging = output / STAGING
            _remove(staging)  # of a run that was killed
            staging.mkdir()
            try:
                yield staging
            finally:
                _remove(staging)
    except OSError as error:
        place = error.filename or output
        raise OutputError(
            f"{place}: cannot write: {error.strerror or error}; free it, or choose another folder with --output"
        ) from error


@contextmanager
def _lock(output: Path) -> Iterator[None]:
    """Held by this process until it ends, however it ends."""
    folder = os.open(output, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OutputError(f"{output}: another run is writing here; wait for it, or choose another --output") from None
    finally:
        os.close(folder)


def _refuse_foreign(output: Path) -> None:
    """What scanner has not written it must not replace: `--output .` may stand over someone's own `crops`."""
    present = [name for name in PUBLISHED if (output / name).exists()]
    if present and not _is_ours(output / "pages.csv"):
        raise OutputError(f"{output / present[0]}: is not of an earlier run; choose another folder with --output")


def _is_ours(pages: Path) -> bool:
    with suppress(FileNotFoundError), pages.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith(SIGN)
    return False


def publish(staging: Path, output: Path) -> None:
    """Put the finished run in the place of the earlier one."""
    output.mkdir(exist_ok=True)
    earlier = staging / "earlier"
    earlier.mkdir()
    for name in PUBLISHED:
        new, old = staging / name, output / name
        if old.exists() and not (old.is_file() and new.is_file()):  # only a file can be renamed over a file
            old.rename(earlier / name)
        if new.exists():
            new.replace(old)
    _sync_folder(output)


def _sync_folder(folder: Path) -> None:
    """Make renames last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)

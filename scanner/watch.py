"""Reading what comes: a run, and another one whenever something has changed in the inputs."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.errors import NoInputError, OutputError
from scanner.events import tell_event

if TYPE_CHECKING:
    from scanner.export import RunSummary

POLLING_S = 60.0  # network shares do not tell of changes: they are looked at so often
GATHERING_MS = 1600  # changes that follow one another sooner are read together


def watch(
    read: "Callable[[], RunSummary]", inputs: Sequence[Path], stop: threading.Event, settle_s: float
) -> "Iterator[RunSummary]":
    """Read again and again, until `stop` is set; gives what each run came to.

    Inputs that are empty, or gone for a while as network shares may be, are waited for.

    Raises:
        OutputError: the package that watches is missing; and all that `read` raises but NoInputError.
    """
    try:
        import watchfiles
    except ImportError as error:
        raise OutputError("scanner watch needs the package watchfiles: pip install 'scanner[watch]'") from error
    while not stop.is_set():
        try:
            summary = read()
        except NoInputError as error:
            tell_event("waiting", reason=str(error))
        else:
            yield summary
        there = [path for path in inputs if os.path.lexists(path)]
        wait_ms = round(1000 * min(POLLING_S, settle_s + 1 if settle_s else POLLING_S))
        if not there:
            stop.wait(wait_ms / 1000)
            continue
        changes = watchfiles.watch(
            *there,
            stop_event=stop,
            rust_timeout=wait_ms,
            yield_on_timeout=True,
            debounce=GATHERING_MS,
            raise_interrupt=False,
        )
        next(changes, None)

"""Reading what comes: a run, and another one whenever something has changed in the inputs."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.errors import NoInputError, OutputError, RunningError
from scanner.events import tell_event

if TYPE_CHECKING:
    from scanner.export import RunSummary

POLLING_S = 60.0  # network shares do not tell of changes: they are looked at so often
GATHERING_MS = 1600  # changes that follow one another sooner are read together


def watch(
    read: "Callable[[], RunSummary]", inputs: Sequence[Path], stop: threading.Event, settle_s: float
) -> "Iterator[RunSummary]":
    """Read again and again, until `stop` is set; gives what each run came to.

    Inputs that are empty, or gone for a while as network shares may be, are waited for, and so are other runs.

    Raises:
        OutputError: the package that watches is missing; and all that `read` raises but NoInputError.
    """
    try:
        from watchfiles._rust_notify import (  # its documented back end: it gathers while nobody listens
            RustNotify,
            WatchfilesRustInternalError,
        )
    except ImportError as error:
        raise OutputError("scanner watch needs the package watchfiles: pip install 'scanner[watch]'") from error
    while not stop.is_set():
        there = [str(path) for path in inputs if os.path.lexists(path)]
        # It gathers what changes from now on, also while the run goes.
        try:
            notify = RustNotify(there, False, False, 300, True, True)
        except (OSError, WatchfilesRustInternalError):  # as where the machine watches too much already: it looks itself
            notify = RustNotify(there, False, True, round(1000 * POLLING_S), True, True)
        outcome: object = None
        while outcome not in ("stop", "timeout"):
            is_young = False
            try:
                summary = read()
                is_young = summary.young > 0
                yield summary
            except (NoInputError, RunningError) as error:
                tell_event("waiting", reason=str(error))
            wait_s = min(POLLING_S, settle_s + 1) if is_young else POLLING_S
            outcome = notify.watch(GATHERING_MS, 50, round(1000 * wait_s), stop)
        notify.close()

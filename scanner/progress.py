"""What a person sees of a run while it goes, and how they stop it."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.pipeline import PageResult

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stoppable(results: "Iterator[PageResult]", files: int = 0) -> "Iterator[PageResult]":
    """Ctrl-C, or a kill, ends the run after the page in hand; a second one ends it at once."""
    with _stop_signal() as stop:
        for result in results:
            yield result
            if stop.is_set():
                raise KeyboardInterrupt


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():  # only there may signals be handled
        yield stop
        return
    numbers = [each for each in STOPPING if signal.getsignal(each) is not signal.SIG_IGN]  # nohup ignores SIGHUP
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def with_progress(results: "Iterator[PageResult]", files: int) -> "Iterator[PageResult]":
    """A bar on stderr while there is somebody to see it."""
    if not sys.stderr.isatty():
        yield from stoppable(results)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # No refreshing by itself: decoding listens in on stderr for what C libraries say, see scanner.page.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as progress:
        task = progress.add_task("files", total=files)
        current: str | None = None
        for result in stoppable(results):
            yield result
            if result.file != current:
                progress.update(task, advance=0 if current is None else 1, refresh=True)
            current = result.file

"""What a person sees of a run while it goes, and how they stop it."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """Is set by Ctrl-C, or a kill, so that the run ends after the pages in hand; a second one ends it at once."""
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


@contextmanager
def progress_bar(is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while there is somebody to see it; what it gives is told of finished files, and of how many."""
    if not is_shown or sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, files: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # No refreshing by itself: decoding listens in on stderr for what C libraries say, see scanner.page.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as progress:
        task = progress.add_task("files", total=None)
        yield lambda done, files: progress.update(task, completed=done, total=files, refresh=True)

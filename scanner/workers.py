"""Worker processes of this machine: one that dies, or takes too long, costs the jobs it has and no others.

Each worker is a `ProcessPoolExecutor` of its own, of one process: what it breaks is its own. Two things keep a worker
that is killed, at whatever instant, from stopping the rest. What it is started with is small, and so is what it
answers: larger results go through files. A pipe takes so little at once; of more it might take half, and the other side
would wait forever.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from scanner.crew import NOT_BEGUN, PAGE_TIMEOUT, WORKER_DIED, Lost

AHEAD = 2  # jobs that a worker has at once: it need not wait for the next
STARTING_S = 10.0  # what a worker may take to start
ENDING_S = 1.0  # and to end
STALL_S = 2.0  # between two looks at the workers, where nothing is wrong
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # tell the leading process to stop; workers finish their page
SMALL = 8000  # bytes of an answer; those of 16,384 go to a pipe in two pieces


@dataclass(slots=True)
class _Slot:
    """One worker, its jobs in order, and since when it has had the first of them."""

    executor: ProcessPoolExecutor | None = None
    processes: list[BaseProcess] = field(default_factory=list)
    jobs: "deque[Future[Any]]" = field(default_factory=deque)
    since: float = 0.0


class Workers(Executor):
    """Worker processes; `check` has to be called now and then, as it ends those that take too long.

    Args:
        count: how many.
        initializer, initargs: what each does first; what it is given must be small.
        timeout_s: of a job.
        folder: for results on their way.
    """

    def __init__(
        self,
        count: int,
        initializer: Callable[..., object],
        initargs: tuple[object, ...],
        timeout_s: float,
        folder: Path,
    ) -> None:
        self._slots = [_Slot() for _ in range(count)]
        self._begin_with: tuple[Any, ...] = (initializer, *initargs)
        self._timeout_s = timeout_s
        self._folder = folder
        self._late: set[Future[Any]] = set()  # those that took too long
        self._untouched: set[Future[Any]] = set()  # those whose worker died before it began them
        self._at: dict[Future[Any], list[BaseProcess]] = {}  # who has a job
        self._checked = time.monotonic()
        self._lock = threading.Lock()  # futures are finished by threads of their executors

    @property
    def room(self) -> int:
        """How many jobs may be in hand."""
        return AHEAD * len(self._slots)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Give a job to the worker that has the fewest."""
        slot = min(self._slots, key=lambda each: len(each.jobs))
        is_new = slot.executor is None
        try:
            future = self._submit_to(slot, fn, *args, **kwargs)
        except BrokenExecutor:  # it died idle
            slot.executor, is_new = None, True
            future = self._submit_to(slot, fn, *args, **kwargs)
        with self._lock:
            if not slot.jobs:
                slot.since = time.monotonic() + (STARTING_S if is_new else 0)
            slot.jobs.append(future)
        self._at[future] = slot.processes
        future.add_done_callback(lambda done: self._finished(slot, done))
        return future

    def _submit_to(self, slot: _Slot, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        executor = slot.executor
        if executor is not None:
            return executor.submit(_answer, self._folder, fn, *args, **kwargs)
        executor = slot.executor = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_begin, initargs=self._begin_with
        )
        before = multiprocessing.active_children()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # handed down, so that none hits a worker that is starting
        try:
            future = executor.submit(_answer, self._folder, fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        slot.processes = [each for each in multiprocessing.active_children() if each not in before]
        return future

    def _finished(self, slot: _Slot, future: "Future[Any]") -> None:
        with self._lock:
            slot.jobs.remove(future)
            slot.since = time.monotonic()
            if not future.cancelled() and isinstance(future.exception(), BrokenExecutor):
                slot.executor = None
                self._untouched.update(slot.jobs)  # they had not been begun

    def check(self) -> None:
        """End the workers whose job takes too long; time in which this process, too, stood still does not count."""
        now = time.monotonic()
        stood_still = max(now - self._checked - STALL_S, 0.0)
        self._checked = now
        for slot in self._slots:
            with self._lock:
                slot.since += stood_still
                late = slot.jobs[0] if slot.jobs and now - slot.since > self._timeout_s else None
                if late is None or late in self._late:
                    continue
                self._late.add(late)
            for process in slot.processes:
                process.kill()

    def result_of(self, future: "Future[Any]") -> Any:
        """What came of a job; a Lost, where the worker did not finish it.

        Raises:
            Exception: what the job has raised.
        """
        processes = self._at.pop(future)
        try:
            answer = future.result()
        except BrokenExecutor:
            if future in self._untouched:
                self._untouched.remove(future)
                return Lost(NOT_BEGUN, "")
            if future in self._late:
                self._late.remove(future)
                return Lost(PAGE_TIMEOUT, f"not finished after {self._timeout_s:g} s")
            code = _exit_code(processes)
            return Lost(WORKER_DIED, f"the process ended {_cause(code)}", was_killed=code == -signal.SIGKILL)
        if isinstance(answer, Path):
            data = answer.read_bytes()
            answer.unlink()
        else:
            data = answer
        return pickle.loads(data)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers; with `cancel_futures` at once."""
        if cancel_futures:
            for process in (process for slot in self._slots for process in slot.processes):
                process.kill()
        endings = [
            # All at once; and each asked once only: an executor that was asked without waiting is not waited for later.
            threading.Thread(target=slot.executor.shutdown, kwargs={"wait": wait, "cancel_futures": cancel_futures})
            for slot in self._slots
            if slot.executor is not None
        ]
        for ending in endings:
            ending.start()
        for ending in endings:
            ending.join()


def _exit_code(processes: list[BaseProcess]) -> int | None:
    """Of a worker that has just died: its pipes close a moment before it has ended.

    Its executor waits for it, too, and one of the two is told the exit code: it may come a moment later.
    """
    until = time.monotonic() + ENDING_S
    while time.monotonic() < until and any(process.exitcode is None for process in processes):
        time.sleep(ENDING_S / 100)
    return next((process.exitcode for process in processes), None)


def _cause(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return "in the middle of it"
    is_killed = -exit_code == signal.SIGKILL
    what = "killed, perhaps for want of memory" if is_killed else signal.strsignal(-exit_code)
    return f"by signal {-exit_code} ({what})"


def _begin(initializer: Callable[..., object], *initargs: Any) -> None:
    """The first that a worker does; it ends with the process that started it, however that ends."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    initializer(*initargs)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answer(folder: Path, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> bytes | Path:
    """Do a job; its pickled result, or the file that holds it."""
    data = pickle.dumps(fn(*args, **kwargs))
    if len(data) <= SMALL:
        return data
    with NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(data)
    return Path(file.name)

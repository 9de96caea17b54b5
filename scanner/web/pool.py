"""Guarded workers for a server: what an upload breaks is theirs, and what takes too long is ended."""

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any, TypeVar

from scanner.crew import NOT_BEGUN, Lost
from scanner.errors import PageError
from scanner.process import use_one_blas_thread
from scanner.task import Kit
from scanner.web.jobs import prepare
from scanner.workers import Workers

TICK_S = 0.2
MOST_WAITING = 16  # jobs; who comes then is told to come back

T = TypeVar("T")


class BusyError(Exception):
    """So many jobs wait that another would wait too long."""


class Pool:
    """Workers that threads of a server give jobs to."""

    def __init__(self, workers: Workers, folder: Path) -> None:
        self._workers, self._folder = workers, folder
        self._lock = threading.Lock()
        self._waiting = 0

    def do(self, job: Callable[..., T], *arguments: Any) -> T:
        """What a worker makes of it.

        Raises:
            PageError: what the job raises, or what it has done to the worker.
            BusyError: too much waits.
        """
        with self._lock:
            if self._waiting >= MOST_WAITING:
                raise BusyError
            self._waiting += 1
        try:
            result = self._once(job, arguments)
            while isinstance(result, Lost) and result.reason == NOT_BEGUN:  # its worker died of another job
                result = self._once(job, arguments)
        finally:
            with self._lock:
                self._waiting -= 1
        if isinstance(result, Lost):
            raise PageError(result.reason, result.detail)
        if isinstance(result, PageError):
            raise result
        return result

    def _once(self, job: Callable[..., T], arguments: tuple[Any, ...]) -> Any:
        with self._lock:
            future = self._workers.submit(_attempt, job, *arguments)
        while not wait([future], timeout=TICK_S).done:
            with self._lock:
                self._workers.check()
        with self._lock:
            return self._workers.result_of(future)

    @contextmanager
    def kept(self, data: bytes) -> Iterator[Path]:
        """The bytes in a file that workers see, until the block ends."""
        with NamedTemporaryFile(dir=self._folder) as file:
            file.write(data)
            file.flush()
            yield Path(file.name)


def _attempt(job: Callable[..., T], *arguments: Any) -> T | PageError:
    try:
        return job(*arguments)
    except PageError as error:
        return error


@contextmanager
def open_pool(kit: Kit, count: int, timeout_s: float, memory_bytes: int) -> Iterator[Pool]:
    """Workers with their kit, until the block ends."""
    use_one_blas_thread()
    with TemporaryDirectory(prefix="scanner-") as place:
        folder = Path(place)
        packed = folder / "kit.pickle"
        packed.write_bytes(pickle.dumps(kit))
        workers = Workers(count, prepare, (packed, memory_bytes), timeout_s, folder)
        try:
            yield Pool(workers, folder)
        finally:
            workers.shutdown(cancel_futures=True)

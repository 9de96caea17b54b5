"""Where jobs are done: in this process, in worker processes, on a cluster. Each is a `concurrent.futures.Executor`."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanner.crew import PAGE_TIMEOUT, QUEUED, WORKER_DIED, Crew, Lost
from scanner.errors import EngineError, UsageError

if TYPE_CHECKING:
    from scanner.task import Kit, Outcome

TIMEOUT_S = 120.0
MEMORY_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Engine:
    """Where and how jobs are done.

    Attributes:
        workers: processes; with 1 everything is done in this one, where neither time nor memory is limited.
        page_timeout_s: a job that takes longer is given up.
        page_memory: bytes a worker may have; Linux only.
        cluster: address of a Dask scheduler; its workers then do the jobs.
    """

    workers: int = 1
    page_timeout_s: float | None = None
    page_memory: int = MEMORY_BYTES
    cluster: str | None = None


def all_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def open_crew(engine: Engine, kit: "Kit") -> Iterator[Crew]:
    """Workers with their kit, until the block ends.

    Raises:
        EngineError: they cannot be started, or the cluster not be reached.
    """
    if engine.workers < 1:
        raise UsageError(f"--workers: {engine.workers} cannot read anything; choose 1 or more")
    if engine.cluster is not None:
        from scanner.cluster import open_cluster

        with open_cluster(engine.cluster, kit) as crew:
            yield crew
    elif engine.workers == 1 and engine.page_timeout_s is None:
        from scanner.task import perform

        yield Crew(_Here(), perform, (kit,), lambda: 1, lambda _: None)
    else:
        with open_pool(engine, kit) as crew:
            yield crew


class _Here(Executor):
    """Does a job when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Pool(Executor):
    """Worker processes of Pebble, which loses one job when one dies, and can end one that takes too long."""

    def __init__(self, engine: Engine, kit: "Kit") -> None:
        from pebble import ProcessPool

        from scanner.task import prepare_worker

        self._timeout_s = TIMEOUT_S if engine.page_timeout_s is None else engine.page_timeout_s
        self._pool = ProcessPool(
            engine.workers,
            initializer=prepare_worker,
            initargs=(kit, engine.page_memory),
            context=multiprocessing.get_context("spawn"),
        )

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        return self._pool.schedule(fn, args=args, kwargs=kwargs, timeout=self._timeout_s)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        end: Callable[[], None] = self._pool.stop if cancel_futures else self._pool.close
        end()
        if wait:
            self._pool.join()

    def losses(self, error: BaseException) -> Lost | None:
        from pebble import ProcessExpired

        if isinstance(error, TimeoutError):
            return Lost(PAGE_TIMEOUT, f"not finished after {self._timeout_s:g} s")
        if isinstance(error, ProcessExpired):
            return Lost(WORKER_DIED, f"the worker ended with code {error.exitcode}")
        return None


@contextmanager
def open_pool(engine: Engine, kit: "Kit", perform: "Callable[..., Outcome] | None" = None) -> Iterator[Crew]:
    """Worker processes of this machine; `perform`, for tests, does the jobs in the place of `scanner.task.perform`."""
    from scanner import task

    try:
        pool = _Pool(engine, kit)
    except OSError as error:
        raise EngineError(f"workers cannot be started ({error.strerror}); try --workers 1") from error
    is_finished = False
    try:
        yield Crew(pool, perform or task.perform, (), lambda: engine.workers * QUEUED, pool.losses)
        is_finished = True
    finally:
        pool.shutdown(cancel_futures=not is_finished)

"""Where jobs are done: in this process, in worker processes, on a cluster. Each is a `concurrent.futures.Executor`."""

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner.crew import Crew
from scanner.errors import UsageError
from scanner.process import use_one_blas_thread

if TYPE_CHECKING:
    from scanner.task import Kit, Outcome

TIMEOUT_S = 120.0
SWITCH_S = 0.0005  # between threads: those that feed the workers must not wait for the one that writes the ledger
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

    @property
    def timeout_s(self) -> float:
        """Of a job that another process does."""
        return TIMEOUT_S if self.page_timeout_s is None else self.page_timeout_s


def all_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def open_crew(engine: Engine, kit: "Kit", folder: Path) -> Iterator[Crew]:
    """Workers with their kit, until the block ends; `folder` is for what travels between them.

    Raises:
        EngineError: they cannot be started, or the cluster not be reached.
    """
    if engine.workers < 1:
        raise UsageError(f"--workers: {engine.workers} cannot read anything; choose 1 or more")
    if engine.cluster is not None:
        from scanner.cluster import open_cluster

        with open_cluster(engine.cluster, kit, engine.timeout_s) as crew:
            yield crew
    elif engine.workers == 1 and engine.page_timeout_s is None:
        from scanner.task import perform

        yield Crew(_Here(), perform, (kit,), lambda: 1, Future.result)
    else:
        with open_pool(engine, kit, folder) as crew:
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


@contextmanager
def open_pool(
    engine: Engine, kit: "Kit", folder: Path, perform: "Callable[..., Outcome] | None" = None
) -> Iterator[Crew]:
    """Worker processes of this machine; `perform`, for tests, does the jobs in the place of `scanner.task.perform`."""
    from scanner import task
    from scanner.workers import Workers

    use_one_blas_thread()  # workers inherit it
    packed = folder / "kit.pickle"
    packed.write_bytes(pickle.dumps(kit))
    workers = Workers(engine.workers, task.prepare_worker, (packed, engine.page_memory), engine.timeout_s, folder)
    is_finished, interval_s = False, sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield Crew(workers, perform or task.perform, (), lambda: workers.room, workers.result_of, workers.check)
        is_finished = True
    finally:
        sys.setswitchinterval(interval_s)
        workers.shutdown(cancel_futures=not is_finished)

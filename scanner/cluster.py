"""Jobs done by the workers of a Dask cluster, through the executor that Dask itself gives.

Workers may come, go and be lost while a run lasts. Each must have one thread, as decoders share a process's stderr.
"""

import logging
import re
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanner.crew import NOT_BEGUN, PAGE_TIMEOUT, WORKER_DIED, Crew, Lost
from scanner.errors import EngineError, UsageError
from scanner.task import Job, Kit, Outcome, perform

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10
WORKERLESS_S = 60.0  # how long a cluster may be without workers
QUEUED = 3  # jobs a worker: none waits for the next
LEAST_WINDOW = 8  # before the first worker has come
ADDRESS = re.compile(r"[a-z]+://\[?([^/]+?)\]?:(\d+)")
CHATTER = ("distributed", "tornado")  # loggers; what matters of it comes as an error of ours


@dataclass(frozen=True, slots=True)
class _Late:
    """A job that took too long, and the worker that is still at it."""

    worker: str


@contextmanager
def open_cluster(address: str, kit: Kit, timeout_s: float) -> Iterator[Crew]:
    """The workers of the scheduler at this address, until the block ends; a job that takes longer is given up.

    Raises:
        EngineError: Dask is not installed, no scheduler answers, or workers have more than one thread.
    """
    client = _connect(address)
    worked = [time.monotonic()]  # when there was a worker, last

    def check() -> None:
        if client.nthreads():
            worked[0] = time.monotonic()
        elif time.monotonic() > worked[0] + WORKERLESS_S:
            raise EngineError(f"{address}: has no workers; start some with `dask worker {address} --nthreads 1`")

    try:
        if any(threads > 1 for threads in client.nthreads().values()):
            raise EngineError(f"{address}: its workers have several threads; start them with --nthreads 1")
        shared = client.submit(_same, kit, pure=False)  # travels once to each worker, is made anew where it is lost
        executor = client.get_executor(pure=False)

        def window() -> int:
            return max(QUEUED * len(client.nthreads()), LEAST_WINDOW)

        def result_of(future: "Future[Any]") -> Any:
            try:
                result = future.result()
            except Exception as error:
                return _lost(error, address)
            if isinstance(result, _Late):
                with suppress(Exception):  # one that nobody watches over stays as it is
                    client.restart_workers([result.worker], timeout=CONNECT_S, raise_for_error=False)
                return Lost(PAGE_TIMEOUT, f"not finished after {timeout_s:g} s")
            return result

        # A job whose worker dies is tried again by Dask, on others; alone it would fare no better.
        yield Crew(executor, perform_in_time, (shared, timeout_s), window, result_of, check, retries=False)
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.close(timeout=CONNECT_S)


def _connect(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise EngineError("--cluster needs Dask: pip install 'scanner[dask]'") from error
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise UsageError(f"--cluster: {address!r} is no address of a scheduler; they are like tcp://host:8786")
    _be_quiet()
    try:
        socket.create_connection((found[1], int(found[2])), CONNECT_S).close()  # Dask itself fails loudly
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(f"{address}: no Dask scheduler answers ({error}); start one with `dask scheduler`") from error


def _be_quiet() -> None:
    """The loggers of Dask have levels and handlers of their own, each."""
    for name in [*CHATTER, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in CHATTER:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def perform_in_time(job: Job, kit: Kit, timeout_s: float) -> "Outcome | _Late":
    """What a worker does: the job, in a thread that can be left alone. A decoder that hangs cannot be interrupted."""
    done: Future[Outcome] = Future()

    def attend() -> None:
        try:
            done.set_result(perform(job, kit))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=attend, daemon=True).start()
    try:
        return done.result(timeout_s)
    except TimeoutError:
        if done.done():  # the job's own
            raise
        from distributed import get_worker

        return _Late(get_worker().address)


def _same(kit: Kit) -> Kit:
    return kit


def _lost(error: Exception, address: str) -> Lost:
    """What an exception of a future says of its job; raises it, where it is no fault of the job."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return Lost(WORKER_DIED, "each worker of the cluster that had it died")
    if _is_of_the_executor(error):
        return Lost(NOT_BEGUN, "")
    if isinstance(error, (CancelledError, OSError)):
        raise EngineError(
            f"{address}: the scheduler is gone ({error}); what was read is kept, the same command goes on"
        ) from error
    raise error


def _is_of_the_executor(error: Exception) -> bool:
    """Whether Dask's executor has stumbled over a job whose worker went away when its result was on its way."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and frames[-1][0].f_globals.get("__name__") == "distributed.cfexecutor"

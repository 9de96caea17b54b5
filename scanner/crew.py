"""Jobs given to an executor and what comes of them, whatever the executor.

A job that takes its worker down costs itself only: it is tried once more, alone, and then given up.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from scanner.events import tell_event

if TYPE_CHECKING:
    from scanner.task import Job, Outcome

WORKER_DIED, PAGE_TIMEOUT = "worker_died", "page_timeout"
ENGINE_REASONS = {
    PAGE_TIMEOUT: "reading it took longer than --page-timeout: look whether it is a scan",
    WORKER_DIED: "the process that read it died twice, for memory or by a fault in a decoder: save it anew as PNG",
}
"""Why a page fails for what it does to a worker, and what a person does about it."""

QUEUED = 3  # jobs a worker: none waits for the next, and few are lost to an interrupt
TICK_S = 0.5  # how soon a request to stop is heard


@dataclass(frozen=True, slots=True)
class Lost:
    """A job that took its worker down, or was taken from it: `reason` is one of ENGINE_REASONS."""

    reason: str
    detail: str


Result: TypeAlias = "Outcome | Lost"


@dataclass(slots=True)
class Todo:
    """The jobs that wait: those of `source`, and before them those that were added."""

    source: "Iterator[Job]"
    _added: "deque[Job]" = field(default_factory=deque)

    def add(self, jobs: "list[Job]") -> None:
        """Have these done next, in this order."""
        self._added.extendleft(reversed(jobs))

    def take(self) -> "Job | None":
        return self._added.popleft() if self._added else next(self.source, None)


def work(crew: "Crew", todo: Todo, is_stopped: Callable[[], bool] = lambda: False) -> "Iterator[tuple[Job, Result]]":
    """Do all jobs and give each with what came of it, as they are finished.

    When `is_stopped`, jobs that are in hand are finished and no more are begun.

    Raises:
        EngineError: the cluster is gone.
    """
    running: dict[Future[Any], Job] = {}
    died: list[tuple[Job, Lost]] = []
    while True:
        while len(running) < crew.window() and not is_stopped() and (job := todo.take()) is not None:
            running[crew.submit(job)] = job
        if not running:
            break
        for future in wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED).done:
            job, result = running.pop(future), crew.result_of(future)
            if isinstance(result, Lost) and result.reason == WORKER_DIED and crew.retries:
                tell_event("worker_died", file=job.name, page=getattr(job, "page", 0), detail=result.detail)
                died.append((job, result))  # others may be to blame, as for memory: it is tried again alone
            else:
                yield job, result
    for job, lost in died:
        if is_stopped():
            return
        result = crew.result_of(crew.submit(job))
        yield job, result if not isinstance(result, Lost) else Lost(result.reason, lost.detail)


@dataclass(frozen=True, slots=True)
class Crew:
    """An executor and what is particular about it."""

    executor: Executor
    perform: "Callable[..., Outcome]"
    arguments: tuple[object, ...]  # beside the job
    window: Callable[[], int]  # how many jobs may be in hand
    losses: Callable[[BaseException], Lost | None]  # what an exception of a future means
    retries: bool = True  # whether a job that took its worker down is tried once more, alone

    def submit(self, job: "Job") -> "Future[Any]":
        return self.executor.submit(self.perform, job, *self.arguments)

    def result_of(self, future: "Future[Any]") -> "Result":
        try:
            result: Result = future.result()
        except Exception as error:
            lost = self.losses(error)
            if lost is None:
                raise
            return lost
        return result

"""Jobs given to an executor and what comes of them, whatever the executor.

A job that takes its worker down costs itself only: it is tried once more, alone, and then given up. Where the worker
was killed, somebody else may have done it, or want of memory that passes: it is tried again behind the others.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from scanner.errors import EngineError
from scanner.events import tell_event

if TYPE_CHECKING:
    from scanner.task import Job, Outcome

WORKER_DIED, PAGE_TIMEOUT = "worker_died", "page_timeout"
ENGINE_REASONS = {
    PAGE_TIMEOUT: "reading it took longer than --page-timeout: look whether it is a scan",
    WORKER_DIED: "the process that read it died again and again, for memory or by a fault in a decoder: save it as PNG",
}
"""Why a page fails for what it does to a worker, and what a person does about it."""

MOST_DEATHS = 16  # one after the other, before it is asked whether workers can be had at all
NOT_BEGUN = "not_begun"  # of a job that can simply be done again
TRIES_ALONE = 5  # of a job whose worker was killed each time
TICK_S = 0.5  # how soon a request to stop is heard


@dataclass(frozen=True, slots=True)
class Lost:
    """A job that took its worker down, or was taken from it: `reason` is one of ENGINE_REASONS.

    `was_killed` tells that the worker did not end by a fault of its own: somebody, or the system for want of memory,
    has killed it.
    """

    reason: str
    detail: str
    was_killed: bool = False


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


@dataclass(frozen=True, slots=True)
class Crew:
    """An executor and what is particular about it."""

    executor: Executor
    perform: Callable[..., object]
    arguments: tuple[object, ...]  # beside the job
    window: Callable[[], int]  # how many jobs may be in hand
    result_of: "Callable[[Future[Any]], Result]"  # what came of a job; it raises what is no fault of the job
    check: Callable[[], None] = lambda: None  # looks after the workers
    retries: bool = True  # whether a job that took its worker down is tried once more, alone

    def submit(self, job: "Job") -> "Future[Any]":
        return self.executor.submit(self.perform, job, *self.arguments)

    def can_work(self) -> bool:
        """Whether a worker does anything at all."""
        future = self.executor.submit(os.getpid)
        return not isinstance(self.result_of(future), Lost)


def work(crew: Crew, todo: Todo, is_stopped: Callable[[], bool] = lambda: False) -> "Iterator[tuple[Job, Result]]":
    """Do all jobs and give each with what came of it, as they are finished.

    When `is_stopped`, jobs that are in hand are finished and no more are begun.

    Raises:
        EngineError: no worker lives long enough to do anything, or the cluster is gone.
    """
    died: list[Job] = []
    tries: Counter[Job] = Counter()
    while True:
        yield from _together(crew, todo, is_stopped, died)
        if not died or is_stopped():
            return
        while died and not is_stopped():  # others may have been to blame, as for memory
            job = died.pop(0)
            result = _alone(crew, job)
            tries[job] += 1
            if isinstance(result, Lost) and result.was_killed and tries[job] < TRIES_ALONE:
                died.append(job)
            else:
                yield job, result  # more may be to do then


def _together(
    crew: Crew, todo: Todo, is_stopped: Callable[[], bool], died: "list[Job]"
) -> "Iterator[tuple[Job, Result]]":
    """As many jobs at once as the crew takes; those that took their worker down are put aside."""
    running: dict[Future[Any], Job] = {}
    deaths = 0  # since the last job that was done
    while True:
        while len(running) < crew.window() and not is_stopped() and (job := todo.take()) is not None:
            running[crew.submit(job)] = job
        if not running:
            return
        for future in wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED).done:
            job, result = running.pop(future), crew.result_of(future)
            if isinstance(result, Lost) and result.reason == NOT_BEGUN:
                todo.add([job])
            elif isinstance(result, Lost) and result.reason == WORKER_DIED and crew.retries:
                tell_event("worker_died", file=job.name, page=getattr(job, "page", 0))
                died.append(job)
                deaths += 1
                if deaths % MOST_DEATHS == 0 and not crew.can_work():
                    raise EngineError("workers die as soon as they are started; is there memory? Try --workers 1")
            else:
                deaths = 0
                yield job, result
        crew.check()


def _alone(crew: Crew, job: "Job") -> Result:
    future = crew.submit(job)
    while not wait([future], timeout=TICK_S).done:
        crew.check()
    return crew.result_of(future)

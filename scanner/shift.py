"""The work of one run: jobs out of the ledger to the workers, what comes of them into it, a transaction a page."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from scanner.crew import Crew, Lost, Result, Todo, work
from scanner.errors import PageError
from scanner.events import tell_event
from scanner.fields import REVIEW
from scanner.ledger import FileRow, Ledger, Reader
from scanner.opening import Hash, Signature, hash_file
from scanner.pipeline import PageFailure, PageResult
from scanner.remote import is_remote, told_url
from scanner.sources import is_out_of_reach
from scanner.task import Changed, Job, Look, Looked, PageDone, Read

Progress: TypeAlias = Callable[[int], None]
"""Is told how many files are finished."""

PATIENCE_S, PAUSE_S = 60.0, 2.0  # how long a network share may be away, and how often it is looked for
MOST_PASSES = 50
UNREADABLE = "unreadable"  # says nothing of the content, so the next run tries again


@dataclass(slots=True)
class Shift:
    """What one run does; `limit` is how many pages it reads at most."""

    ledger: Ledger
    reader: Reader
    output: Path
    limit: int | None = None
    progress: Progress = lambda files: None
    begun: int = 0  # pages given to workers
    new: int = 0  # pages finished
    new_failed: int = 0
    unopened: int = 0  # files; each run tries them again
    seconds: float = 0.0  # of workers, for these pages
    fields: Counter[str] = field(default_factory=Counter)  # of these pages, by status
    patience_s: float = PATIENCE_S  # for files whose folder is out of reach
    _open: dict[str, int] = field(default_factory=dict)  # by digest: pages of a file that workers have
    _files: int = 0
    _missed: set[Path] = field(default_factory=set)  # folders that were out of reach

    def run(self, crew: Crew, is_stopped: Callable[[], bool]) -> None:
        """Do all there is to do; files that are out of reach, as on a network share, are tried again for a while.

        Raises:
            OutputError: the ledger cannot be written.
            OSError: a picture cannot be written.
        """
        for _ in range(MOST_PASSES):
            todo = Todo(self._jobs())
            for job, result in work(crew, todo, is_stopped):
                todo.add(self._take(job, result))
            if is_stopped() or self.is_limited or not self.has_jobs():
                return
            self._wait(is_stopped)

    def _wait(self, is_stopped: Callable[[], bool]) -> None:
        """Until the folders are there again that were not, or patience is at its end."""
        while any(map(is_out_of_reach, self._missed)) and self.patience_s > 0 and not is_stopped():
            time.sleep(min(PAUSE_S, self.patience_s))
            self.patience_s -= PAUSE_S
        self._missed.clear()

    def _is_missed(self, path: Path) -> bool:
        """Whether a file could not be opened because its folder is out of reach, for now."""
        if self.patience_s <= 0 or not is_out_of_reach(path.parent):
            return False
        if path.parent not in self._missed:
            tell_event("waiting", folder=told_url(path.parent), reason="it is out of reach, or empty")
        self._missed.add(path.parent)
        return True

    @property
    def is_limited(self) -> bool:
        """Whether the limit has been reached."""
        return self.limit is not None and self.begun >= self.limit

    def has_jobs(self) -> bool:
        """Whether there is anything to do."""
        return any(not self.is_done(file) for file in self.ledger.files())

    def is_done(self, file: FileRow) -> bool:
        """Whether nothing is to be done for this file, now."""
        if file.reason:
            return True
        return file.digest is not None and not self.ledger.missing(file.digest, file.pages or 0, self.reader)

    def _jobs(self) -> Iterator[Job]:
        for file in self.ledger.files():
            if self.is_done(file):
                self._finish_file()
            elif self.is_limited:
                return
            elif file.digest is None or not file.pages:
                yield Look(file.path_now, file.name)
            else:
                yield from self._reads(file.path_now, file.name, file.digest, file.signature, file.pages)

    def _reads(self, path: Path, name: str, digest: str, signature: Signature, pages: int) -> list[Job]:
        """The pages of a file that are to be read, as far as the limit goes."""
        if digest in self._open:  # the same content under another name is being read
            self._finish_file()
            return []
        numbers = self.ledger.missing(digest, pages, self.reader)
        if self.limit is not None:
            numbers = numbers[: max(self.limit - self.begun, 0)]
        self.begun += len(numbers)
        if numbers:
            self._open[digest] = len(numbers)
        else:
            self._finish_file()
        return [Read(path, name, number, digest, signature) for number in numbers]

    def _take(self, job: Job, result: Result) -> list[Job]:
        """Put what came of a job into the ledger; what is to be done next for its file."""
        if isinstance(job, Look):
            return self._take_look(job, result)
        left = self._open[job.digest] - 1
        if left:
            self._open[job.digest] = left
        else:
            del self._open[job.digest]
            self._finish_file()
        self._take_page(job, result)
        return []

    def _take_look(self, job: Look, result: Result) -> list[Job]:
        if isinstance(result, Lost):
            result = _looked_at_from_outside(job, result)
        assert isinstance(result, Looked)
        found, failure = result.hash, result.failure
        if failure is not None and failure.reason == UNREADABLE:
            found = None  # says nothing of the content
            if self._is_missed(job.path):
                return []
        with self.ledger.transaction():
            if found is not None:
                self.ledger.put_looked(job.path, found, result.pages)
            if failure is not None:
                self._put_failed_file(job, found, failure)
        if failure is None and found is not None:
            return self._reads(job.path, job.name, found.digest, found.signature, result.pages)
        self._finish_file()
        return []

    def _put_failed_file(self, job: Look, found: Hash | None, failure: PageFailure) -> None:
        if found is None:  # it is tried again by every run, and makes none of them news
            self.ledger.put_left(job.path, failure.reason, failure.detail, failure.seconds)
            self.unopened += 1
            self._tell_failed(failure)
            return
        if self.ledger.missing(found.digest, 0, self.reader):
            self.ledger.put_page(found.digest, failure, self.reader)
            self._count(failure)

    def _take_page(self, job: Read, result: Result) -> None:
        if isinstance(result, Changed):
            with self.ledger.transaction():
                self.ledger.put_left(job.path, "changing", "it was written to while it was read")
            tell_event("left", file=job.name, reason="changing")
            return
        if isinstance(result, Lost):
            result = PageDone(PageFailure(job.name, job.page, result.reason, result.detail, 0.0))
        assert isinstance(result, PageDone)
        page = result.result
        if isinstance(page, PageFailure) and page.reason == UNREADABLE:
            if self._is_missed(job.path):
                return
            with self.ledger.transaction():
                self.ledger.put_left(job.path, page.reason, page.detail, page.seconds)
            self.unopened += 1
            self._tell_failed(page)
        else:
            for path, data in result.pictures.items():
                _write_picture(self.output / path, data)
            with self.ledger.transaction():
                self.ledger.put_page(job.digest, page, self.reader, result.overlay)
            self._count(page)

    def _count(self, page: PageResult) -> None:
        """One page more that is in the ledger."""
        self.new += 1
        self.seconds += page.seconds
        if isinstance(page, PageFailure):
            self.new_failed += 1
            self._tell_failed(page)
            return
        statuses = Counter(each.status for each in page.fields)
        self.fields += statuses
        tell_event(
            "read",
            file=page.file,
            page=page.page,
            form=page.form,
            reason=page.reason,
            fields=len(page.fields),
            review=statuses[REVIEW],
            seconds=round(page.seconds, 3),
        )

    def _tell_failed(self, page: PageFailure) -> None:
        tell_event("failed", file=page.file, page=page.page, reason=page.reason, detail=page.detail)

    def _finish_file(self) -> None:
        self._files += 1
        self.progress(self._files)


def _looked_at_from_outside(job: Look, lost: Lost) -> Looked:
    """A file that takes workers down when it is opened: its bytes alone do no harm, if they need no fetching."""
    if is_remote(job.path):
        return Looked(None, 0, PageFailure(job.name, 0, UNREADABLE, f"{lost.reason}: {lost.detail}", 0.0))
    try:
        return Looked(hash_file(job.path), 0, PageFailure(job.name, 0, lost.reason, lost.detail, 0.0))
    except PageError as error:
        return Looked(None, 0, PageFailure(job.name, 0, error.reason, error.detail, 0.0))


def _write_picture(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

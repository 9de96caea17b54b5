"""What workers do, wherever they run: look at a file, read a page of it.

Values go in and values come out; a worker writes nothing. All that it reads with is in its kit.
"""

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2

from scanner.arrays import Gray
from scanner.drawing import encode_picture
from scanner.errors import PageError
from scanner.fields import ACCEPTED, REVIEW, FieldReading
from scanner.network import Network, NetworkFiles, start_network
from scanner.opening import Hash, Signature, hash_file, signature_of
from scanner.overlay import (
    crop_path,
    cut_field,
    draw_overlay,
    draw_thumbnail,
    overlay_path,
    thumbnail_path,
)
from scanner.page import count_pages, load_page
from scanner.pipeline import PageFailure, PageReading, PageResult, failure_of, read_gray
from scanner.process import limit_memory, prepare_process

if TYPE_CHECKING:
    from scanner.known import FormFiles, KnownForm


@dataclass(frozen=True, slots=True)
class Kit:
    """All that a worker reads with; `key` tells kits apart."""

    key: str
    network: NetworkFiles
    forms: "tuple[FormFiles, ...]" = ()
    min_confidence: float | None = None
    reads_unknown: bool = True
    overlay: bool = False
    all_crops: bool = False  # whether fields that are accepted now may go to review when people have verified some
    postal: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The job of telling what a file is, before a page of it is read."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Read:
    """The job of reading one page of a file that has been looked at."""

    path: Path
    name: str
    page: int
    digest: str
    signature: Signature


@dataclass(frozen=True, slots=True)
class Looked:
    """A file: what it is, if it can be opened, and how many pages it has; none where that failed."""

    hash: Hash | None
    pages: int
    failure: PageFailure | None = None


@dataclass(frozen=True, slots=True)
class PageDone:
    """A page: what was read, and its pictures by their path in the output folder."""

    result: PageResult
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    overlay: str = ""  # which of the pictures is the overlay


@dataclass(frozen=True, slots=True)
class Changed:
    """The file is not what it was when it was looked at: somebody is writing it."""


Job: TypeAlias = Look | Read
Outcome: TypeAlias = Looked | PageDone | Changed


@dataclass(slots=True)
class _Worker:
    """This process as a worker: its kit, and what was made of it."""

    kit: Kit | None = None
    key: str = ""
    network: Network | None = None
    forms: "tuple[KnownForm, ...]" = ()


_worker = _Worker()


def prepare_worker(kit: Path, memory_bytes: int) -> None:
    """Make this process, which does nothing else, a worker: `perform` then needs no kit.

    The kit comes as a pickle in a file: what a process is started with must fit into a pipe, or the one that starts it
    waits forever where the new one dies at once.
    """
    prepare_process()
    cv2.setNumThreads(1)
    limit_memory(memory_bytes)
    _worker.kit = pickle.loads(kit.read_bytes())


def perform(job: Job, kit: Kit | None = None) -> Outcome:
    """Do one job; what goes wrong is a value, too."""
    if isinstance(job, Look):
        return _look(job)
    kit = kit or _worker.kit
    if kit is None:
        raise RuntimeError("a worker that was never prepared")
    return _read(job, kit)


def own_tools() -> "tuple[Network, tuple[KnownForm, ...], Kit]":
    """What this worker reads with, made ready."""
    if _worker.kit is None:
        raise RuntimeError("a worker that was never prepared")
    _unpack(_worker.kit)
    assert _worker.network is not None
    return _worker.network, _worker.forms, _worker.kit


def _look(job: Look) -> Looked:
    start = time.perf_counter()
    found: Hash | None = None
    try:
        found = hash_file(job.path)
        return Looked(found, count_pages(job.path))
    except PageError as error:
        failure = PageFailure(job.name, 0, error.reason, error.detail, time.perf_counter() - start)
        return Looked(found, 0, failure)


def _read(job: Read, kit: Kit) -> PageDone | Changed:
    _unpack(kit)
    start = time.perf_counter()
    assert _worker.network is not None
    try:
        if not _is_same(job):
            return Changed()
        gray = load_page(job.path, job.page).gray
        if not _is_same(job):
            return Changed()
    except PageError as error:
        return PageDone(PageFailure(job.name, job.page, error.reason, error.detail, time.perf_counter() - start))
    except Exception as error:  # as of memory, when it is made square or dark on light
        return PageDone(failure_of(error, job.name, job.page, time.perf_counter() - start))
    try:
        result = read_gray(
            gray,
            job.name,
            job.page,
            _worker.network,
            kit.min_confidence,
            forms=_worker.forms,
            reads_unknown=kit.reads_unknown,
            postal=kit.postal,
            start=start,
        )
        return _with_pictures(result, gray, job.digest, kit)
    except Exception as error:  # a bug of ours must cost this page only, and must be seen
        return PageDone(failure_of(error, job.name, job.page, time.perf_counter() - start))


def _is_same(job: Read) -> bool:
    """Whether nobody has written to the file; its permissions may have changed."""
    now = signature_of(job.path)
    return (now.size, now.mtime_ns) == (job.signature.size, job.signature.mtime_ns)


def _unpack(kit: Kit) -> None:
    """Make the kit's network and forms ready, once."""
    if _worker.key == kit.key:
        return
    _worker.network = start_network(kit.network)
    _worker.forms = ()
    if kit.forms:
        from scanner.known import make_known_form  # what forms are checked with takes a tenth of a second to import

        _worker.forms = tuple(map(make_known_form, kit.forms))
    _worker.key = kit.key


def _with_pictures(page: PageResult, gray: Gray, digest: str, kit: Kit) -> PageDone:
    """The page with its pictures: of fields that may go to review, of all of it if asked for, or if it failed."""
    if isinstance(page, PageFailure):
        path = thumbnail_path(page, digest)
        return PageDone(replace(page, thumbnail=path), {path: encode_picture(path, draw_thumbnail(gray))})
    pictures: dict[str, bytes] = {}
    overlay = ""
    if kit.overlay:
        overlay = overlay_path(page, digest)
        pictures[overlay] = encode_picture(overlay, draw_overlay(gray, page))
    fields = []
    for each in page.fields:
        if each.status == REVIEW or _may_go_to_review(page, each, kit):
            path = crop_path(page, each, digest)
            pictures[path] = encode_picture(path, cut_field(gray, each))
            fields.append(replace(each, crop=path))
        else:
            fields.append(each)
    return PageDone(replace(page, fields=tuple(fields)), pictures, overlay)


def _may_go_to_review(page: PageReading, reading: FieldReading, kit: Kit) -> bool:
    """Whether other pages, or what people verify, decide about an accepted field yet."""
    if reading.status == ACCEPTED and kit.all_crops:
        return True
    form = next((files.form for files in kit.forms if files.form.name == page.form), None)
    return form is not None and any(field.name == reading.name and field.unique for field in form.fields)

"""The front door: one page in, one PageReading out, every stage in order.

file --page--> gray page --boxes--> rows of cells --cells, digits--> (n, 28, 28) --network--> scores
     --content--> rows that are digit fields --fields--> numbers with confidence
Where hardly any cells are found: frames --strings--> numbers parted into digits, which go on as rows.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2

from scanner.arrays import Gray
from scanner.beside import mark_cut_off
from scanner.boxes import find_boxes
from scanner.cells import read_cells_of
from scanner.content import RowReading, evidence, keep_digit_rows, score_cells, sureness, tell_turn, with_others
from scanner.errors import NoInputError, PageError
from scanner.fields import FieldReading, Policy, make_field, name_in_reading_order
from scanner.network import Card, Network, load_network
from scanner.page import SourceFile, count_pages, discover, load_page
from scanner.postal import read_envelope
from scanner.remote import path_of
from scanner.strings import read_frames, read_ruled
from scanner.turns import turn_back, turned

if TYPE_CHECKING:
    from scanner.known import KnownForm

READING_REASONS = {
    "out_of_memory": "reading it takes more memory than `--page-memory`: scan at 300 dpi",
    "not_registered": "it shows none of the forms, with `--unknown fail`",
    "internal_error": "scanner itself stumbled over it; the others are read: please report the detail",
}
"""Every reason of a `PageFailure` beside those of `scanner.page` and of workers, and what a person does about it."""

SURE_UPRIGHT = 0.95  # mean probability of the digits of a page that nobody turned: on their head they look like none
TURNS = ((0, 2), (1, 3))  # quarter turns to try: upright and on its head, then the sideways ones
FEWER_TURNED = 2.0  # sure digits by which a turned page must read better, if no digit tells: most are not turned
NO_MEMORY = -4  # StsNoMem of OpenCV
FEW_DIGITS = 3.0  # so many in boxes, weighted so, may be letters: there may be ruled lines, too
ENOUGH_DIGITS = 6.0  # digits, weighted by their probability, that settle whether a page lies sideways


@dataclass(frozen=True, slots=True)
class PageReading:
    """What was read from one page; `fields` in reading order."""

    file: str  # relative to the input folder
    page: int  # from 1
    fields: tuple[FieldReading, ...]
    seconds: float
    form: str = ""
    reason: str = ""  # `no_fields` where nothing was found, `unknown_form` where none of the forms was
    detail: str = ""
    residual_mm: float | None = None
    form_page: int = 0  # which page of the form it shows, from 1
    serial: str = ""  # the number of the sheet, where its code says one


@dataclass(frozen=True, slots=True)
class PageFailure:
    """Why one page, or one whole file (page 0), could not be read."""

    file: str
    page: int
    reason: str
    detail: str
    seconds: float
    thumbnail: str = ""  # path of a small picture in the output folder, where the page could be decoded


PageResult: TypeAlias = PageReading | PageFailure
Reader: TypeAlias = Callable[[Gray, Network], list[RowReading]]


def read_pages(
    inputs: Sequence[Path | str],
    *,
    network: Network | None = None,
    min_confidence: float | None = None,
    forms: "Sequence[KnownForm]" = (),
    reads_unknown: bool = True,
    postal: str | None = None,
) -> Iterator[PageResult]:
    """Read every page of files and folders, in order; what cannot be read comes as a PageFailure.

    For the arguments see `read_page`.

    Raises:
        NoInputError: an input does not exist, or there is no file to read.
        ModelError: the network cannot be loaded.
    """
    found = discover([path_of(each) for each in inputs])
    if not found.count:
        raise NoInputError(f"{', '.join(map(str, inputs))}: no image or PDF files found; name a folder of scans")
    read = partial(
        read_page,
        network=network or load_network(),
        min_confidence=min_confidence,
        forms=forms,
        reads_unknown=reads_unknown,
        postal=postal,
    )
    for source in found.files:
        yield from _read_file(source, read)


def _read_file(source: SourceFile, read: Callable[..., PageResult]) -> Iterator[PageResult]:
    start = time.perf_counter()
    try:
        pages = count_pages(source.path)
    except PageError as error:
        yield PageFailure(source.name, 0, error.reason, error.detail, time.perf_counter() - start)
        return
    for page in range(1, pages + 1):
        yield read(source.path, page, file=source.name)


def read_page(
    path: Path | str,
    page: int = 1,
    *,
    network: Network | None = None,
    min_confidence: float | None = None,
    file: str | None = None,
    forms: "Sequence[KnownForm]" = (),
    reads_unknown: bool = True,
    postal: str | None = None,
) -> PageResult:
    """Read one page of a file.

    Args:
        path: an image file or a PDF.
        page: counted from 1.
        network: by default the one that comes with scanner.
        min_confidence: accept numbers that are right with at least this probability; by default every digit
            must reach the threshold of the network's card.
        file: how to call the file in the result; by default its name.
        forms: of `scanner.known.load_known_form`; a page that shows one of them is read as it says.
        reads_unknown: whether a page that shows none of them is read without; else it fails.
        postal: two letters of a country, or `any`: pages are envelopes, and their postal codes are read.
    """
    network, path = network or load_network(), Path(path)
    name = path.name if file is None else file
    start = time.perf_counter()
    try:
        gray = load_page(path, page).gray
    except PageError as error:
        return PageFailure(name, page, error.reason, error.detail, time.perf_counter() - start)
    return read_gray(
        gray, name, page, network, min_confidence,
        forms=forms, reads_unknown=reads_unknown, postal=postal, start=start,
    )  # fmt: skip


def read_gray(
    gray: Gray,
    name: str,
    page: int,
    network: Network,
    min_confidence: float | None = None,
    *,
    forms: "Sequence[KnownForm]" = (),
    reads_unknown: bool = True,
    postal: str | None = None,
    start: float | None = None,
) -> PageResult:
    """Read a page that is loaded: (height, width), 0 = ink; for the rest see `read_page`.

    `start` is when the work on it began, by `time.perf_counter`; by default now.
    """
    start = time.perf_counter() if start is None else start
    try:
        reading = _read_known(gray, forms, network, min_confidence) if forms else None
        if reading is None and forms and not reads_unknown:
            detail = f"the page shows none of the forms {', '.join(known.form.name for known in forms)}"
            return PageFailure(name, page, "not_registered", detail, time.perf_counter() - start)
        if reading is None and postal:
            reading = _Reading(read_envelope(gray, network, postal, policy_of(network.card, min_confidence)))
        reading = reading or _Reading(read_image(gray, network, min_confidence))
    except Exception as error:  # a bug of ours must cost this page only, and must be seen
        return failure_of(error, name, page, time.perf_counter() - start)
    reason, detail = "", ""
    if not reading.fields:
        reason, detail = "no_fields", "no row of boxes with handwritten digits was found"
    elif forms and not reading.form:
        reason, detail = "unknown_form", "the page shows none of the forms and was read without"
    return PageReading(
        name, page, reading.fields, time.perf_counter() - start, reading.form, reason, detail, reading.residual_mm,
        reading.form_page, reading.serial,
    )  # fmt: skip


def failure_of(error: Exception, name: str, page: int, seconds: float) -> PageFailure:
    """What went wrong while a page was read, as its failure: too little memory, else a bug of ours."""
    is_memory = isinstance(error, MemoryError) or (isinstance(error, cv2.error) and error.code == NO_MEMORY)
    detail = " ".join(f"{type(error).__name__}: {error}".split())
    return PageFailure(name, page, "out_of_memory" if is_memory else "internal_error", detail, seconds)


@dataclass(frozen=True, slots=True)
class _Reading:
    fields: tuple[FieldReading, ...]
    form: str = ""
    residual_mm: float | None = None
    form_page: int = 0
    serial: str = ""


def _read_known(
    gray: Gray, forms: "Sequence[KnownForm]", network: Network, min_confidence: float | None
) -> _Reading | None:
    """The page as its form says; None where it shows none of them."""
    from scanner.filled import read_filled  # what forms are checked with takes a tenth of a second to import
    from scanner.finding import find_form

    found = find_form(gray, forms)
    if found is None:
        return None
    fields = read_filled(gray, found, network, policy_of(network.card, min_confidence))
    return _Reading(fields, found.known.form.name, found.registration.residual_mm, found.page, found.serial)


def read_image(gray: Gray, network: Network, min_confidence: float | None = None) -> tuple[FieldReading, ...]:
    """Read a page image (height, width), 0 = ink; turned pages are read upright, and reported as they came."""
    readings, turn = _read_upright(gray, network)
    policy, classes = policy_of(network.card, min_confidence), network.card.classes
    fields = []
    for index, name in name_in_reading_order([reading.row.quads for reading in readings]):
        reading, row = readings[index], readings[index].row
        quads = turn_back(row.quads, turn, gray.shape)
        fields.append(
            make_field(
                name, reading.scores, reading.ink, quads, classes, policy,
                goes_on=row.goes_on, is_boxed=row.is_boxed, side_share=row.side_share, touching=row.touching,
            )
        )  # fmt: skip
    return tuple(fields)


def policy_of(card: Card, min_confidence: float | None) -> Policy:
    """By default every digit must reach the threshold of the network's card."""
    if min_confidence is None:
        return Policy(min_digit=card.accept_threshold)
    return Policy(min_digit=0.0, min_field=min_confidence)


def _read_upright(gray: Gray, network: Network) -> tuple[list[RowReading], int]:
    """The rows of the page and the quarter turns after which it is upright."""
    boxed = _likeliest_turn(gray, network, read_rows)
    in_boxes = evidence(boxed[0], network.card.classes)[0]
    if in_boxes >= FEW_DIGITS:
        return boxed
    ruled = _likeliest_turn(gray, network, read_ruled)  # writing between lines makes doubtful boxes, too
    on_lines = evidence(ruled[0], network.card.classes)[0]
    if not in_boxes:
        return ruled if on_lines or not boxed[0] else boxed
    is_both = on_lines >= ENOUGH_DIGITS and ruled[1] == boxed[1]
    return (with_others(boxed[0], ruled[0]), boxed[1]) if is_both else boxed


def _likeliest_turn(gray: Gray, network: Network, read: Reader) -> tuple[list[RowReading], int]:
    best: tuple[list[RowReading], int] = ([], 0)
    most, has_told, classes = -1.0, False, network.card.classes
    for turns in TURNS:
        for turn in turns:
            readings = read(turned(gray, turn), network)
            (total, mean), tells = evidence(readings, classes), tell_turn(readings, classes)
            handicap = FEWER_TURNED * (1 + has_told - tells) if turn else 0.0
            if total > most + handicap:
                best, most, has_told = (readings, turn), total, tells
            if mean >= SURE_UPRIGHT and total >= FEW_DIGITS and tells:  # a 00 may be the loops of an 8 on its side
                return best
        if most >= ENOUGH_DIGITS:
            break
    return best


def read_rows(gray: Gray, network: Network) -> list[RowReading]:
    """The digit fields of an upright page, in no order; without boxes, frames around numbers."""
    found = find_boxes(gray)
    rows = found.rows
    inks = read_cells_of(gray, [row.quads for row in rows], [row.side_share for row in rows])
    parts = score_cells(inks, network)
    readings = [RowReading(row, ink, part) for row, ink, part in zip(rows, inks, parts, strict=True)]
    kept = mark_cut_off(gray, keep_digit_rows(readings, network.card.classes), network)
    if evidence(kept, network.card.classes)[0] >= ENOUGH_DIGITS:
        return kept
    numbers = read_frames(gray, found.frames, network)  # a page whose fields have one frame each, and no cells
    is_better = evidence(numbers, network.card.classes)[0] > evidence(kept, network.card.classes)[0]
    if not (is_better and len(numbers) > len(kept)):
        return kept
    sure = [row for row in kept if len(row.inked) and sureness(row, network.card.classes) >= SURE_UPRIGHT]
    return with_others(numbers, sure)

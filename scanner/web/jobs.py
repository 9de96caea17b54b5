"""What the guarded workers do for the pages: everything that decodes a picture."""

import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Quads
from scanner.drawing import encode_picture
from scanner.errors import PageError
from scanner.export import FIELD_COLUMNS, field_row
from scanner.fields import FieldReading
from scanner.overlay import cut_field, draw_overlay
from scanner.page import count_pages, load_page, load_picture
from scanner.pipeline import PageFailure, read_gray
from scanner.predict import predict_digit
from scanner.task import own_tools, prepare_worker

MOST_PAGES = 20  # of an uploaded file
PAGE_SIDE = 1600  # of a page that is shown, in pixels
MARK = (0, 110, 255)  # blue, green, red of the field on it
DIGIT_ZOOM = 5  # of the 28 x 28 digit


@dataclass(frozen=True, slots=True)
class DigitAnswer:
    """What a picture of a digit shows; `scores` by class, `seen` as the network sees it, a PNG in base64."""

    digit: str
    confidence: float
    runner_up: str
    runner_up_confidence: float
    scores: dict[str, float]
    seen: str


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """A page of an uploaded file: rows of fields.csv, why it failed, the page with its readings, a JPEG in base64."""

    page: int
    form: str
    reason: str
    detail: str
    fields: tuple[dict[str, str], ...]
    overlay: str


def prepare(kit: Path, memory_bytes: int) -> None:
    """Make this process a worker that has everything ready."""
    prepare_worker(kit, memory_bytes)
    own_tools()


def read_digit(picture: Path) -> DigitAnswer:
    """Raises PageError."""
    network, _, _ = own_tools()
    read = predict_digit(load_picture(picture), network=network)
    large = cv2.resize(255 - read.normalized, None, fx=DIGIT_ZOOM, fy=DIGIT_ZOOM, interpolation=cv2.INTER_NEAREST)
    return DigitAnswer(
        digit=read.digit,
        confidence=round(read.confidence, 4),
        runner_up=read.runner_up,
        runner_up_confidence=round(read.runner_up_confidence, 4),
        scores={name: round(float(score), 4) for name, score in zip(read.classes, read.scores, strict=True)},
        seen=_base64("seen.png", np.asarray(large, np.uint8)),
    )


def read_upload(upload: Path, name: str) -> list[PageAnswer]:
    """Every page of a file, as a run would read it. Raises PageError."""
    pages = count_pages(upload)
    if pages > MOST_PAGES:
        raise PageError("too_many_pages", f"{pages} pages, at most {MOST_PAGES} are read here; use `scanner read`")
    return [_read_page(upload, name, page) for page in range(1, pages + 1)]


def _read_page(upload: Path, name: str, page: int) -> PageAnswer:
    network, forms, kit = own_tools()
    try:
        gray = load_page(upload, page).gray
    except PageError as error:
        return PageAnswer(page, "", error.reason, error.detail, (), "")
    result = read_gray(
        gray, name, page, network, kit.min_confidence, forms=forms, reads_unknown=kit.reads_unknown, postal=kit.postal
    )
    if isinstance(result, PageFailure):
        return PageAnswer(page, "", result.reason, result.detail, (), "")
    rows = [dict(zip(FIELD_COLUMNS, map(str, field_row(result, each)), strict=True)) for each in result.fields]
    overlay = _base64("page.jpg", draw_overlay(gray, result))
    return PageAnswer(page, result.form, result.reason, result.detail, tuple(rows), overlay)


def show_page(scan: Path, page: int, field: FieldReading) -> bytes:
    """A page as a JPEG, the field marked on it. Raises PageError."""
    gray = load_page(scan, page).gray
    scale = min(PAGE_SIDE / max(gray.shape), 1.0)
    size = max(round(gray.shape[1] * scale), 1), max(round(gray.shape[0] * scale), 1)
    picture = cv2.cvtColor(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    quads: Quads = np.asarray(field.cell_quads, np.float32)
    outline = cv2.convexHull((quads.reshape(-1, 2) * scale).round().astype(np.int32))
    cv2.polylines(picture, [outline], True, MARK, 3, cv2.LINE_AA)
    return encode_picture("page.jpg", np.asarray(picture, np.uint8))


def show_field(scan: Path, page: int, field: FieldReading) -> bytes:
    """The crop of a field as a PNG, for one that has none yet. Raises PageError."""
    return encode_picture("crop.png", cut_field(load_page(scan, page).gray, field))


def _base64(name: str, picture: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(encode_picture(name, picture)).decode()

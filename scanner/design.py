"""A form from a picture of it, blank or filled: its boxes become fields, its print is kept to find it again."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.boxes import BoxRow, find_box_rows, find_boxes
from scanner.cells import read_cells_of
from scanner.content import RowReading, keep_digit_rows, score_cells
from scanner.drawing import GREEN, Bgr, Shown, draw_fields, encode_picture
from scanner.errors import FormError, NoInputError, PageError
from scanner.fields import name_in_reading_order
from scanner.form import MOST_CELLS, MOST_PAGES, Form, FormField, Sheet, form_text
from scanner.known import MM_PER_INCH, PX_PER_MM, cells_mm, drawing_path, picture_bytes, picture_path
from scanner.labels import find_labels, with_names
from scanner.network import Network, load_network
from scanner.page import count_pages, load_page
from scanner.staging import write_whole

PAPERS_MM = ((210.0, 297.0), (215.9, 279.4), (148.0, 210.0), (105.0, 148.0), (297.0, 420.0), (215.9, 355.6))
SAME_SHAPE = 0.02  # of its aspect: a picture of this paper
FEWEST_CELLS = 2  # a lone box is a check box until its form says otherwise
ADJOINING_MM = 0.4  # between cells that share their line
TALL = 0.9  # of the cells' height: so far reach the sides of boxes that have only lost their top
DECIMALS = 2  # of a millimeter
LOWEST_MM = 2.5  # a box that people write in; words in print have boxes of two
HIGHEST_MM = 16.0  # of a frame for one number; higher ones are for signatures and pictures
DIGIT_WIDE = 0.6  # of the height of such a frame, a digit needs
FILLED = 0.3  # of the cells of a row; a blank row may have that many with a speck or a printed mark
SHARED = 0.05  # of the height: lines of neighbors lie on each other
LEVEL_DEGREES = 0.05  # 0.2 mm over the width of a page


@dataclass(frozen=True, slots=True)
class Proposal:
    """A page of a form as it was found: its size, its fields, and its picture at `known.PX_PER_MM`."""

    width_mm: float
    height_mm: float
    fields: tuple[FormField, ...]
    picture: Gray
    has_resolution: bool = True


def propose_form(path: Path, language: str | None = None) -> list[Proposal]:
    """Find the boxes on every page of a file.

    Args:
        path: picture or PDF.
        language: of the printed labels, as Tesseract calls it: fields get their names; by default by their place.

    Raises:
        NoInputError: it cannot be read, or has too many pages for a form.
        FormError: its boxes are of no size that people write in.
        UsageError: Tesseract cannot read that language.
    """
    try:
        if (count := count_pages(path)) > MOST_PAGES:
            raise NoInputError(f"{path}: has {count} pages, a form {MOST_PAGES} at most; name a file of the form alone")
        pages = [load_page(path, number) for number in range(1, count + 1)]
    except PageError as error:
        raise NoInputError(f"{path}: {error.detail} ({error.reason}); give a picture or PDF of the form") from error
    network = load_network()
    found = [propose_page(page.gray, page.dpi, network, number) for number, page in enumerate(pages, start=1)]
    return found if language is None else _named(found, language)


def _named(pages: list[Proposal], language: str) -> list[Proposal]:
    """Pages whose fields are called what is printed beside them."""
    labels = [label for page in pages for label in find_labels(page.picture, PX_PER_MM, page.fields, language)]
    named = with_names([field for page in pages for field in page.fields], labels)
    return [replace(page, fields=tuple(field for field in named if field.page == n)) for n, page in enumerate(pages, 1)]


def propose_page(gray: Gray, dpi: float | None, network: Network, number: int = 1) -> Proposal:
    """Fields named in reading order, of all rows of boxes on the page.

    Args:
        gray: the page, upright.
        dpi: pixels an inch; None where it is not known: then the page is taken for paper of a usual size.
        network: tells print from digits.
        number: of the page in its form.

    Raises:
        FormError: its boxes are too small to write in.
    """
    gray = _straightened(gray)
    width_mm, height_mm = _size_mm(gray.shape, dpi)
    px_per_mm = gray.shape[1] / width_mm, gray.shape[0] / height_mm
    boxes_found = find_boxes(gray)
    found = [row for row in boxes_found.rows if len(row.quads) <= MOST_CELLS]  # more are no number
    boxes = _apart(_without_print(gray, found, network))
    rows = [row for row in boxes if _height(row) >= LOWEST_MM * px_per_mm[1]]
    if boxes and not rows:
        stated = "" if dpi is None else f", if its {dpi:g} dpi are right"
        raise FormError(
            f"page {number}: is {width_mm:g} x {height_mm:g} mm{stated}, and its boxes too small to write in; save the "
            "picture with its true resolution, or with none"
        )
    places = [row.quads for row in rows]
    if not rows:  # each number may have one frame
        frames_mm = boxes_found.frames / np.array(px_per_mm)
        places = [frame[None] for frame, mm in zip(boxes_found.frames, frames_mm, strict=True) if _is_line(mm)]
    named = [(index, name if number == 1 else f"p{number}{name}") for index, name in name_in_reading_order(places)]
    fields = tuple(
        _field(name, rows[index], px_per_mm, number) if rows else _line(name, places[index], px_per_mm, number)
        for index, name in named
    )
    size = round(width_mm * PX_PER_MM), round(height_mm * PX_PER_MM)
    picture = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if size[0] < gray.shape[1] else cv2.INTER_LINEAR)
    return Proposal(width_mm, height_mm, fields, np.asarray(picture, np.uint8), dpi is not None)


def _height(row: BoxRow) -> float:
    """Of its boxes, in pixels."""
    return float(np.median(np.linalg.norm(row.quads[:, 3] - row.quads[:, 0], axis=1)))


def write_form(path: Path, name: str, pages: list[Proposal]) -> None:
    """Write `form.toml`, the pictures of its pages beside it, and the same with the fields drawn on them.

    Raises:
        FormError: no page has boxes, nor frames.
    """
    if not any(page.fields for page in pages):
        told = "neither rows of boxes nor frames for numbers were found"
        raise FormError(f"{told}; scan the form at 300 dpi, or write its form.toml by hand")
    sheets = [Sheet(width_mm=page.width_mm, height_mm=page.height_mm) for page in pages]
    form = Form(name=name, pages=tuple(sheets), fields=tuple(field for page in pages for field in page.fields))
    text = form_text(form)
    path.parent.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages, start=1):
        write_whole(picture_path(path.parent, number), partial(_write_bytes, data=picture_bytes(page.picture)))
        drawn = drawing_path(path.parent, number)
        write_whole(drawn, partial(_write_bytes, data=encode_picture(drawn.name, draw_proposal(page))))
    write_whole(path, partial(_write_bytes, data=text.encode()))


def draw_proposal(page: Proposal) -> Bgr:
    """The page with the name, layout and boxes of each field on it."""
    shown = [
        Shown(cells_mm(field) * PX_PER_MM - 0.5, f"{field.name}: {field.cells} {field.layout}", GREEN)
        for field in page.fields
    ]
    return draw_fields(page.picture, shown)


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _straightened(gray: Gray) -> Gray:
    """Turned until its rows of boxes are level; what comes from outside is paper."""
    rows = [row.quads for row in find_box_rows(gray) if len(row.quads) >= FEWEST_CELLS]
    if not rows:
        return gray
    along = np.array([quads[-1, 1] - quads[0, 0] for quads in rows])
    degrees = float(np.median(np.degrees(np.arctan2(along[:, 1], along[:, 0]))))
    if abs(degrees) < LEVEL_DEGREES:
        return gray
    height, width = gray.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(gray, matrix, (width, height), borderValue=(255,)), np.uint8)


def _without_print(gray: Gray, rows: list[BoxRow], network: Network) -> list[BoxRow]:
    """Rows that are empty, or hold handwritten digits: bubbles, letters and tables are printed full."""
    rows = [row for row in rows if len(row.quads) >= FEWEST_CELLS]
    inks = read_cells_of(gray, [row.quads for row in rows], [row.side_share for row in rows])
    scores = score_cells(inks, network)
    readings = [RowReading(row, ink, score) for row, ink, score in zip(rows, inks, scores, strict=True)]
    held = keep_digit_rows(readings, network.card.classes)
    is_held = {id(reading.row) for reading in held}
    return [each.row for each in readings if len(each.inked) <= FILLED * len(each.row.quads) or id(each.row) in is_held]


def _apart(rows: list[BoxRow]) -> list[BoxRow]:
    """Of rows that lie on each other the one with more cells; boxes before combs."""
    kept: list[BoxRow] = []
    for row in sorted(rows, key=lambda row: (row.side_share < 1, -len(row.quads))):
        if not any(_overlap(row.quads, other.quads) for other in kept):
            kept.append(row)
    return kept


def _overlap(one: Quads, other: Quads) -> bool:
    """Whether more than their printed lines lie on each other."""
    low = np.maximum(one.min(axis=(0, 1)), other.min(axis=(0, 1)))
    high = np.minimum(one.max(axis=(0, 1)), other.max(axis=(0, 1)))
    height = np.linalg.norm(one[0, 3] - one[0, 0])
    return bool((high - low > SHARED * height).all())


def _size_mm(shape: tuple[int, ...], dpi: float | None) -> tuple[float, float]:
    height, width = shape[:2]
    for paper in PAPERS_MM:
        for paper_width, paper_height in (paper, paper[::-1]):
            is_like = abs(height / width / (paper_height / paper_width) - 1) < SAME_SHAPE
            if is_like and (dpi is None or abs(width / dpi * MM_PER_INCH / paper_width - 1) < SAME_SHAPE):
                return paper_width, paper_height
    per_mm = (dpi or width / PAPERS_MM[0][0] * MM_PER_INCH) / MM_PER_INCH
    return round(width / per_mm, 1), round(height / per_mm, 1)


def _is_line(frame_mm: npt.NDArray[np.floating]) -> bool:
    """Whether a frame (4, 2) in millimeters is of a size that people write a number in."""
    wide, high = (frame_mm.max(axis=0) - frame_mm.min(axis=0)).tolist()
    return LOWEST_MM <= high <= HIGHEST_MM and wide >= DIGIT_WIDE * FEWEST_CELLS * high


def _line(name: str, frame: Quads, px_per_mm: tuple[float, float], page: int) -> FormField:
    """A frame for a number of as many digits as have room, or fewer."""
    (left, top), (right, bottom) = (
        (each + 0.5) / np.array(px_per_mm) for each in (frame.min((0, 1)), frame.max((0, 1)))
    )
    cells = min(max(int((right - left) / (DIGIT_WIDE * (bottom - top))), FEWEST_CELLS), MOST_CELLS)
    return FormField(
        name=name, page=page, layout="line", fewer=True, cells=cells,
        x_mm=max(round(float(left), DECIMALS), 0), y_mm=max(round(float(top), DECIMALS), 0),
        cell_width_mm=round(float(right - left) / cells, DECIMALS),
        cell_height_mm=round(float(bottom - top), DECIMALS),
    )  # fmt: skip


def _field(name: str, row: BoxRow, px_per_mm: tuple[float, float], page: int) -> FormField:
    """The row's cells made equal: printers and finders are a little off, designers are not."""
    quads_mm: Quads = ((row.quads + 0.5) / np.array(px_per_mm)).astype(np.float32)
    left, right = quads_mm[:, [0, 3], 0].mean(axis=1), quads_mm[:, [1, 2], 0].mean(axis=1)
    top, bottom = quads_mm[:, [0, 1], 1].mean(), quads_mm[:, [2, 3], 1].mean()
    width, count = float((right - left).mean()), len(quads_mm)
    pitch = float(np.polyfit(np.arange(count), (left + right) / 2, 1)[0])
    start = float(((left + right) / 2).mean()) - (count - 1) / 2 * pitch - width / 2
    is_adjoining = pitch - width < ADJOINING_MM
    layout: Literal["boxes", "cells", "open", "comb"] = "cells" if is_adjoining else "boxes"
    if row.side_share < 1:
        layout = "open" if row.side_share >= TALL else "comb"
    return FormField(
        name=name,
        page=page,
        x_mm=max(round(start, DECIMALS), 0),
        y_mm=max(round(float(top), DECIMALS), 0),
        cells=count,
        layout=layout,
        cell_width_mm=round(pitch if is_adjoining else width, DECIMALS),
        cell_height_mm=round(float(bottom - top), DECIMALS),
        pitch_mm=None if is_adjoining else round(pitch, DECIMALS),
    )

"""Pages of PDF files, rendered by PDFium at the resolution of the scan that they hold."""

import math
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

import cv2
import numpy as np

from scanner.arrays import Gray
from scanner.damage import check_flate, check_group_4
from scanner.errors import PageError
from scanner.raster import RawPage, check_pixels, check_size, decode_bytes

DRAWN_DPI = 300  # for a page that is more than a scan ...
MAX_DRAWN_PIXELS = 40_000_000  # ... and less if it is larger than A2
SCAN_COVER = 0.8  # images cover this part of a page that is a scan
FINE_COVER = 0.1  # images of a resolution cover this part of a page that has it
LAYERED = 1.02  # times a page's area is in images where some lie on others
COARSEST, MASKED_DPI = 50.0, 200.0  # no scan is coarser than the first; under the second, masks in layers are finer
MAX_SCAN_OBJECTS = 2000  # a page with more is a drawing
TAIL_BYTES = 2048  # END_MARK stands there unless the end is lost ...
PADDING_BYTES = 65536  # ... or behind zeros and line ends, from mailers and tapes
END_MARK = b"startxref"
ENCRYPTION_MARK = b"/Encrypt"  # stands in the trailer, which itself is never encrypted
POINTS_PER_INCH = 72.0
HAIR_PX = 0.01  # more than the rounding errors of PDF's numbers
ROUND_DOWN = 1 - 1e-5  # PDFium rounds up: 2480.0001 must not become 2481 pixels


def count_pdf_pages(file: BinaryIO) -> int:
    """The pages of a PDF. Raises PageError."""
    with _document(file) as document:
        return len(document)


def render_pdf_page(file: BinaryIO, page: int) -> RawPage:
    """Page `page`, from 1, of a PDF with its annotations and form fields. Raises PageError, and what PDFium raises."""
    import pypdfium2.raw as pdfium

    with _document(file) as document:
        if not 1 <= page <= len(document):
            raise PageError("no_such_page", f"page {page} of {len(document)}")
        sheet = document[page - 1]
        objects = list(islice(sheet.get_objects(), MAX_SCAN_OBJECTS + 1))
        images = [item for item in objects if item.type == pdfium.FPDF_PAGEOBJ_IMAGE]
        for image in images:
            check_pixels(*image.get_px_size())
            _check_stream(image)
        dpi = _resolution(sheet, objects, images)
        check_size(*(side / POINTS_PER_INCH * dpi for side in sheet.get_size()))
        for image in images:
            _pull_in(image, dpi)
        bitmap = sheet.render(scale=dpi / POINTS_PER_INCH * ROUND_DOWN, prefer_bgrx=True)  # BGRx is the fastest
        gray: Gray = cv2.cvtColor(bitmap.to_numpy(), cv2.COLOR_BGRA2GRAY).astype(np.uint8, copy=False)
        return RawPage(gray, (dpi, dpi))


@contextmanager
def _document(file: BinaryIO) -> Iterator[Any]:
    _check_end(file)
    import pypdfium2 as pdfium  # 0.08 s, which batches without PDF need not wait for

    try:
        document = pdfium.PdfDocument(file)
    except pdfium.PdfiumError as error:
        if _is_encrypted(file):
            raise PageError("encrypted", "a password is needed to open it") from error
        raise PageError("damaged", "PDFium finds no pages in it") from error
    with document:
        document.init_forms()
        yield document


def _is_encrypted(file: BinaryIO) -> bool:
    """What PDFium says of it may be about the file before: for some failures it keeps its last error code."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(ENCRYPTION_MARK) >= 0


def _check_end(file: BinaryIO) -> None:
    """PDFium repairs a file that was cut short, and shows blank pages for what is lost."""
    size = file.seek(0, 2)
    file.seek(max(0, size - PADDING_BYTES))
    tail = file.read().rstrip(b"\0\t\n\r \x1a")
    file.seek(0)
    if END_MARK not in tail[-TAIL_BYTES:]:
        raise PageError("damaged", "the PDF has no end")


def _resolution(sheet: Any, objects: list[Any], images: list[Any]) -> float:
    """Dots per inch that show all that the page has: those of its scan, or DRAWN_DPI.

    A stamp does not count, however fine. Where images lie on others, as in scans that are packed in layers, the ink may
    be in a mask that is finer than any of them.
    """
    width, height = sheet.get_size()
    drawn = min(DRAWN_DPI, math.sqrt(MAX_DRAWN_PIXELS / max(1.0, width * height)) * POINTS_PER_INCH)
    total = sum(map(_area, images)) / max(1.0, width * height)
    if len(objects) > MAX_SCAN_OBJECTS or total < SCAN_COVER:
        return drawn
    scanned, covered = 0.0, 0.0
    for dpi, area in sorted(((_dpi(image), _area(image)) for image in images), reverse=True):
        scanned, covered = dpi, covered + area
        if covered >= FINE_COVER * width * height:
            break
    is_scan = all(item in images or _is_invisible(item) for item in objects)
    is_packed = scanned < COARSEST or (total > LAYERED and scanned < MASKED_DPI)
    return scanned if is_scan and not is_packed else max(scanned, drawn)


def _dpi(image: Any) -> float:
    about = image.get_metadata()
    return float(max(about.horizontal_dpi, about.vertical_dpi))


def _area(item: Any) -> float:
    left, bottom, right, top = item.get_bounds()
    return float((right - left) * (top - bottom))


def _is_invisible(item: Any) -> bool:
    """Whether it is text that was recognized in the scan and lies behind it."""
    import pypdfium2.raw as pdfium

    if item.type != pdfium.FPDF_PAGEOBJ_TEXT:
        return False
    return bool(pdfium.FPDFTextObj_GetTextRenderMode(item) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)


def _pull_in(image: Any, dpi: float) -> None:
    """Shrink an image by a hair: one that sticks out of its last pixel, PDFium stretches over the next and blurs."""
    from pypdfium2 import PdfMatrix

    left, bottom, right, top = image.get_bounds()
    shown = max(right - left, top - bottom) / POINTS_PER_INCH * dpi  # masks are finer than their images
    hair = HAIR_PX / max(1, *image.get_px_size(), shown)  # of the unit square in which PDF paints every image
    image.set_matrix(PdfMatrix(1 - 2 * hair, 0, 0, 1 - 2 * hair, hair, hair).multiply(image.get_matrix()))


def _check_stream(image: Any) -> None:
    """PDFium shows the part of an image before a damage and is silent; raise if its data is seen to be damaged."""
    filters = image.get_filters()
    data = bytes(image.get_data())
    if filters == ["DCTDecode"]:
        decode_bytes(data)
    elif filters == ["CCITTFaxDecode"]:
        check_group_4(data)
    elif filters[:1] == ["FlateDecode"]:
        about = image.get_metadata()
        check_flate(data, about.width * about.height * about.bits_per_pixel // 8)

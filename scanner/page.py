"""Image files to gray pages, and what makes a page of an image: upright, square pixels, dark ink on light paper.

Nothing else in the project opens an image, so all decoding guards are behind `load_page`: those of files are here,
those of pixels in `raster`, of documents in `pdf`, of lost data in `damage`. A page is read whole or it fails with a
reason: one that lost data must never pass for a blank one.
"""

import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from scanner.arrays import Gray
from scanner.damage import find_damage
from scanner.errors import PageError
from scanner.opening import detail_of, open_regular, reason_of
from scanner.pdf import count_pdf_pages, render_pdf_page
from scanner.raster import MAX_PAGES, RawPage, check_size, count_image_pages, decode_image
from scanner.sources import Discovery, SourceFile, discover

__all__ = [
    "FAILURE_REASONS",
    "Discovery",
    "PageImage",
    "SourceFile",
    "count_pages",
    "discover",
    "load_page",
    "load_picture",
]

FAILURE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "damaged": "part of the file is lost or wrong: copy it again from the scanner, or scan the page again",
        "empty_file": "the file has no bytes: copy it again from the scanner",
        "encrypted": "the PDF asks for a password: save it without one",
        "no_such_page": "the file has fewer pages than before: let it be while a run reads it",
        "too_large": "the file has too many bytes for scans: split it, or scan with compression",
        "too_many_pages": "the file has too many pages: split it",
        "too_many_pixels": "the page has too many pixels to decode safely: scan at 300 dpi",
        "too_small": "the page has too few pixels to hold a digit: scan at 300 dpi",
        "unknown_format": "not an image that scanner reads: save it as PNG, JPEG, TIFF, BMP, WebP, PBM, PGM or PDF",
        "unreadable": "the file cannot be opened: check that it is there, and its permissions",
        "unsupported": "a rare variant of its format: save it as PNG",
    }
)
"""Every reason of a `PageError` from this module: what is the matter, and what a person does about it."""

HEAD_BYTES = 1024  # PDF allows that much before its signature
SIGNATURES: Mapping[str, re.Pattern[bytes]] = {  # Pillow's name of each format, and PDF: how its files begin
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "BMP": re.compile(rb"BM.{4}\0{4}", re.DOTALL),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "PPM": re.compile(rb"P[1-6][\s#]"),
    "PDF": re.compile(rb".{0,1019}%PDF-", re.DOTALL),
}


MIN_PICTURE_PX = 8  # a digit of one stroke can be told apart in so few
MIN_DPI, MAX_DPI = 97.0, 2400.0  # a coarse fax has 98; 72 and 96 is what programs write that do not know
MAX_PAGE_INCHES = 24.0  # A2; a page that would be larger has made its dpi up
MAX_PIXEL_ASPECT = 1.2  # digits of a fax with 204 x 98 dpi would be squashed; 204 x 196 is near enough
DARK_PAPER = 80  # gray level; no paper is darker but in the deepest shadow
GLANCE_PX = 64  # that many rows and columns tell whether a page may be dark
THUMB_PX, BLOCK_PX = 384, 12  # a dark page is looked at in 32 x 32 blocks
INVERTED_CONTRAST = 64  # gray levels from inverted paper to ink, at least
INVERTED_LIGHT_BLOCKS = 0.06  # a page on a dark table lights up more blocks, the bars of an inverted form fewer

_DECODERS = threading.Lock()  # PDFium is not thread-safe; stderr and warning filters belong to the whole process


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page upright as a viewer shows it, with square pixels.

    `dpi` is None where the file does not say it, or says what cannot be.
    """

    gray: Gray
    dpi: float | None


def count_pages(path: Path) -> int:
    """The number of pages of a file, from its headers alone. Raises PageError."""
    with _opened(path) as (file, kind):
        count = count_pdf_pages(file) if kind == "PDF" else count_image_pages(file, kind)
    if count == 0:
        raise PageError("damaged", "no page in it")
    if count > MAX_PAGES:
        raise PageError("too_many_pages", f"more than {MAX_PAGES} pages")
    return count


def load_page(path: Path, page: int = 1) -> PageImage:
    """Page `page`, from 1, of a file whose first bytes, not its suffix, tell the format. Raises PageError.

    The pages of a TIFF are its frames, without thumbnails; a BMP, JPEG, PGM, PNG or WebP file is one page.
    """
    with _opened(path) as (file, kind):
        raw = render_pdf_page(file, page) if kind == "PDF" else decode_image(file, kind, page)
    gray, dpi = _with_square_pixels(raw)
    return PageImage(255 - gray if _is_inverted(gray) else gray, dpi)


def load_picture(path: Path) -> Gray:
    """The first page of a file as it is, dark on light or light on dark: a picture of one digit. Raises PageError."""
    with _opened(path) as (file, kind):
        raw = render_pdf_page(file, 1) if kind == "PDF" else decode_image(file, kind, 1, MIN_PICTURE_PX)
    return raw.gray


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """The file and its format, if it passes the guards; what goes wrong inside becomes a PageError."""
    try:
        with _DECODERS, warnings.catch_warnings(), _native_messages() as messages:
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with open_regular(path) as file:
                yield file, _kind(file)
    except PageError:
        raise
    except Exception as error:  # decoders raise anything, from SyntaxError to struct.error
        raise PageError(reason_of(error), detail_of(error)) from error
    if damage := find_damage(messages):
        raise PageError("damaged", damage)


@contextmanager
def _native_messages() -> Iterator[list[str]]:
    """Keep what C libraries write to stderr: libjpeg and libtiff tell of lost data in no other way.

    What other threads write there meanwhile is swallowed.
    """
    messages: list[str] = []
    saved = _saved_stderr()
    if saved is None:
        yield messages
        return
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)  # a full pipe (64 KB) drops the rest instead of stopping the decoder
    os.set_blocking(read_end, False)
    os.dup2(write_end, 2)
    try:
        yield messages
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(write_end)
        with open(read_end, "rb") as pipe:  # noqa: PTH123 - a descriptor
            messages += (pipe.read() or b"").decode(errors="replace").splitlines()


def _saved_stderr() -> int | None:
    """A copy of descriptor 2, if that is stderr: in a process started without one it may be any file."""
    try:
        return None if sys.__stderr__ is None else os.dup(2)
    except OSError:
        return None


def _kind(file: BinaryIO) -> str:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    for kind, signature in SIGNATURES.items():
        if signature.match(head):
            return kind
    raise PageError("unknown_format", f"begins with {head[:12]!r}")


def _with_square_pixels(raw: RawPage) -> tuple[Gray, float | None]:
    """The page and its resolution; the coarser side is stretched if the file says so, as fax viewers do."""
    dpi_x, dpi_y = raw.dpi
    height, width = raw.gray.shape
    if not (_is_credible(dpi_x, width) and _is_credible(dpi_y, height)):
        return raw.gray, None
    aspect = dpi_x / dpi_y
    if 1 / MAX_PIXEL_ASPECT < aspect < MAX_PIXEL_ASPECT:
        return raw.gray, (dpi_x + dpi_y) / 2
    size = round(width * max(1.0, 1 / aspect)), round(height * max(1.0, aspect))
    check_size(*size)
    stretched = cv2.resize(raw.gray, size, interpolation=cv2.INTER_LINEAR)
    return stretched.astype(np.uint8, copy=False), max(dpi_x, dpi_y)


def _is_credible(dpi: float, side_px: int) -> bool:
    return MIN_DPI <= dpi <= MAX_DPI and side_px <= dpi * MAX_PAGE_INCHES


def _is_inverted(gray: Gray) -> bool:
    """Whether the page is light ink on dark paper; a light page that lies on something dark is not.

    Then almost every block of the page is mostly dark, and what stands out of it is lighter.
    """
    glance = gray[:: 1 + gray.shape[0] // GLANCE_PX, :: 1 + gray.shape[1] // GLANCE_PX]
    if np.count_nonzero(glance < DARK_PAPER) * 2 < glance.size:
        return False
    thumb = cv2.resize(gray, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_NEAREST)
    darkest, paper, lightest = np.percentile(thumb, (0.05, 50, 99.95))
    if lightest - paper < max(INVERTED_CONTRAST, paper - darkest):
        return False
    blocks = thumb.reshape(THUMB_PX // BLOCK_PX, BLOCK_PX, THUMB_PX // BLOCK_PX, BLOCK_PX)
    light = (blocks > (paper + lightest) / 2).mean(axis=(1, 3)) > 0.5  # (32, 32)
    return bool(light.mean() < INVERTED_LIGHT_BLOCKS)

"""What people have verified, as labeled digits: cut from the crops or the scans, as the network sees them."""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Gray, Quads
from scanner.cells import read_cells
from scanner.errors import NoInputError, PageError
from scanner.fields import FieldReading
from scanner.ledger import Ledger, ledger_errors
from scanner.overlay import cells_in_crop, cut_field
from scanner.page import load_page, load_picture
from scanner.review import Book, FieldKey, Said, Verdict
from scanner.staging import LEDGER


@dataclass(frozen=True, slots=True)
class VerifiedDigits:
    """Labeled digits of a run folder.

    Attributes:
        images: (n, 28, 28), 255 = ink, in MNIST form.
        labels: (n,) what people have said they are.
        writers: (n,) a number a page: what stands on one is of one hand.
        lost: fields that were verified, but of which no picture is left.
    """

    images: Digits
    labels: npt.NDArray[np.int64]
    writers: npt.NDArray[np.int64]
    lost: int


def verified_digits(output: Path, only: Container[FieldKey] | None = None) -> VerifiedDigits:
    """The digits of a run folder that people have corrected or confirmed, and no others; of these fields `only`.

    Raises:
        NoInputError: there is no run, or nothing in it is verified.
        OutputError: its files cannot be read.
    """
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    writers: list[int] = []
    lost = 0
    with ledger_errors(output / LEDGER), Ledger(output, to_look=True) as ledger, Book(output) as book:
        said = Said(book.all())
        for writer, (digest, page) in enumerate(said.pages):
            scan = _Scan(ledger, output, digest, page)
            for reading in scan.fields:
                final = said.settled(digest, page, reading.box_xywh)
                is_wanted = only is None or FieldKey(digest, page, scan.form, reading.name) in only
                if final is None or not (final.is_readable and final.is_exact and is_wanted):
                    continue
                found = scan.digits_of(reading, final)
                lost += found is None
                for image, label in found or ():
                    images.append(image)
                    labels.append(label)
                    writers.append(writer)
    if not images:
        raise NoInputError(f"{output}: nothing in it is verified; see `scanner correct` and `scanner review`")
    return VerifiedDigits(np.stack(images), np.array(labels), np.array(writers), lost)


def write_digits(path: Path, digits: VerifiedDigits) -> None:
    """Write them as `scanner train --digits` takes them."""
    with path.open("wb") as file:
        np.savez_compressed(file, x=digits.images, y=digits.labels, writer=digits.writers)


class _Scan:
    """A page: its scan is opened once, and only where a crop is not there."""

    def __init__(self, ledger: Ledger, output: Path, digest: str, page: int) -> None:
        self._path, self._number, self._output = ledger.path_of(digest), page, output
        read = ledger.page_of(digest, page)
        self.fields, self.form = (read.fields, read.form) if read is not None else ((), "")
        self._gray: Gray | None = None

    def digits_of(self, reading: FieldReading, verdict: Verdict) -> list[tuple[npt.NDArray[np.uint8], int]] | None:
        """The digits of a field with their labels; None where no picture of it is left, none where it has no boxes."""
        if not reading.is_boxed:
            return []
        if len(reading.cells) != len(verdict.cells):
            return None
        crop = self._crop(reading)
        if crop is None:
            return None
        size = np.array(crop.shape[::-1], np.float32)
        boxes = cells_in_crop(reading)
        corners = [[(left, top), (right, top), (right, low), (left, low)] for left, top, right, low in boxes]
        quads: Quads = np.asarray(corners, np.float32) * size
        ink = read_cells(crop, quads, reading.side_share, are_boxes=bool(self.form))
        return [
            (ink.digits[place], int(character))
            for place, character in enumerate(verdict.cells)
            if character.isdigit() and not ink.is_blank[place]
        ]

    def _crop(self, reading: FieldReading) -> Gray | None:
        try:
            if reading.crop and (self._output / reading.crop).is_file():
                return load_picture(self._output / reading.crop)
            if self._gray is None and self._path is not None:
                self._gray = load_page(self._path, self._number).gray
        except PageError:
            return None
        return None if self._gray is None else cut_field(self._gray, reading)

"""Frames of a page that hold one number each: which they are, as rows that go on like rows of cells."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scanner.arrays import DIGIT_SIZE, Gray, Quads
from scanner.boxes import BoxRow
from scanner.cells import CellInk
from scanner.content import REPEATED, RowReading, share_repeated
from scanner.network import NOT_A_DIGIT, Network
from scanner.strings.line import is_empty
from scanner.strings.read import INSET, StringReading, read_strings
from scanner.strings.ruled import ruled_frames

MOST_FRAMES, MOST_RULED = 100, 500  # of a page; numbers on its ruled lines
MIN_SURENESS, MIN_LIKENESS = 0.75, 0.8  # mean probability of the digits to be the one read, and any digit at all
LIKELY = 0.1  # probability of a number as a whole, at least: words read as digits in many ways
SURE = 0.4  # probability of a number as a whole: then rests of lines and doubtful parts do not matter
LEFT_OUT = 0.12  # of the ink, at most, may belong to no digit
FEWEST, MOST = 2, 20  # digits of a number
EVEN_DIGITS, PRINTED_SPREAD = 4, 0.035  # of so many digits; of their heights and feet, in heights of the line
SET_PART = 0.6  # of the digits in other frames: as many of one height are print
EVEN = 0.35  # spread of the heights of digits, in parts of their mean: more is no number

Floats = npt.NDArray[np.float64]


def read_frames(page: Gray, frames: Quads, network: Network, *, is_ruled: bool = False) -> list[RowReading]:
    """The frames (n, 4, 2) of a page that hold a handwritten number, as rows with a cell a digit.

    On ruled lines, of which something is always left, a number that is sure as a whole need not be clean.
    None where there are very many: then they are the cells of a table, and to look into each would take seconds.
    """
    if len(frames) > (MOST_RULED if is_ruled else MOST_FRAMES):
        return []
    classes = network.card.classes
    inset = 0.0 if is_ruled else INSET
    read = [each for each in read_strings(page, frames, network, inset=inset) if each is not None]
    numbers = [each for each in read if _is_number(each, classes, is_ruled)]
    rows = [as_row(each) for each in numbers if not (_is_printed(each) or _is_set_in_one_size(each, numbers))]
    return [row for row, share in zip(rows, share_repeated(rows, classes), strict=True) if share < REPEATED]


def read_ruled(page: Gray, network: Network) -> list[RowReading]:
    """What stands on the ruled lines of a page that has neither boxes nor frames, as rows with a cell a digit."""
    return read_frames(*ruled_frames(page), network, is_ruled=True)


def as_row(reading: StringReading) -> RowReading:
    """The number as a row of cells, each of which holds a digit and no more."""
    count = len(reading.digits)
    none, extent = np.zeros(count, np.bool_), np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1))
    struck = np.full(count, reading.is_struck)
    ink = CellInk(reading.digits, none, extent, none, np.zeros((count, 2), np.bool_), struck)
    return RowReading(BoxRow(reading.quads, is_boxed=False, touching=reading.touching), ink, reading.scores)


def read_lines(page: Gray, frames: Quads, lengths: Sequence[int | None], network: Network) -> list[RowReading]:
    """Frames (n, 4, 2) of a known form, each with one line of so many digits, as rows with a cell a digit.

    What is empty, or cannot be read, is a row with one cell.
    """
    readings = read_strings(page, frames, network, lengths)
    return [
        _unread(page, frame, network) if reading is None else as_row(reading)
        for frame, reading in zip(frames, readings, strict=True)
    ]


def _unread(page: Gray, frame: Quads, network: Network) -> RowReading:
    empty = np.array([is_empty(page, frame, INSET)])
    none, extent = np.zeros(1, np.bool_), np.array([[0, 0, 1, 1]], np.float32)
    digits = np.zeros((1, DIGIT_SIZE, DIGIT_SIZE), np.uint8)
    scores = np.eye(len(network.card.classes), dtype=np.float32)[[network.card.classes.index(NOT_A_DIGIT)]]
    ink = CellInk(digits, empty, extent, none, np.zeros((1, 2), np.bool_), none)
    return RowReading(BoxRow(frame[None].astype(np.float32), is_boxed=False), ink, scores)


def _is_number(reading: StringReading, classes: str, is_ruled: bool) -> bool:
    """Content disposes: whether it is a number that somebody wrote, also one struck out, and no word, mark or dirt."""
    digits = reading.looks[:, [classes.index(str(digit)) for digit in range(10)]]
    is_read = float(digits.max(axis=1).mean()) >= MIN_SURENESS and float(digits.sum(axis=1).mean()) >= MIN_LIKENESS
    is_even = float(reading.heights.std()) <= EVEN * float(reading.heights.mean())
    is_clean = is_read and (is_ruled or reading.left_out <= LEFT_OUT) and _likeness(reading) >= LIKELY
    is_kept = is_clean or reading.is_struck or (is_ruled and _sureness(reading) >= SURE)
    return FEWEST <= len(digits) <= MOST and is_even and is_kept


def _likeness(reading: StringReading) -> float:
    """How likely all of it is right, no digit surer than it looks alone: bubbles in a row are zeros as a whole."""
    read = reading.scores.argmax(axis=1)
    looks = reading.looks[np.arange(len(read)), read]
    return float(np.minimum(reading.scores.max(axis=1), looks).prod())


def _sureness(reading: StringReading) -> float:
    """How likely all of it is right."""
    return float(reading.scores.max(axis=1).prod())


def _is_printed(reading: StringReading) -> bool:
    """Whether its digits are as even in height and place as print."""
    spread = max(float(reading.heights.std()), float(np.abs(reading.feet).mean()))
    return len(reading.heights) >= EVEN_DIGITS and spread < PRINTED_SPREAD


def _is_set_in_one_size(reading: StringReading, numbers: Sequence[StringReading]) -> bool:
    """Whether the digits of other frames are exactly as high as these, as in a printed table."""
    others = np.concatenate([_heights_px(each) for each in numbers if each is not reading] or [np.zeros(0)])
    if len(others) < EVEN_DIGITS:
        return False
    same = np.abs(others[None] / _heights_px(reading)[:, None] - 1) <= PRINTED_SPREAD
    return float(same.mean()) > SET_PART


def _heights_px(reading: StringReading) -> Floats:
    return np.asarray(np.linalg.norm(reading.quads[:, 3] - reading.quads[:, 0], axis=1), np.float64)

"""Numbers in frames that have no cells: each line of ink parted into digits, and what the network says of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Gray, Quads, Scores
from scanner.boxes import BoxRow
from scanner.cells import CellInk
from scanner.content import REPEATED, RowReading, share_repeated
from scanner.network import NOT_A_DIGIT, Network
from scanner.strings.ink import WORK_HEIGHT, LineInk, line_ink
from scanner.strings.lattice import Path, Segment, find_segments, likeliest_paths, segment_digits
from scanner.strings.pieces import Piece, find_pieces

INSET = 0.09  # of the height: the frame and its shadow
LONGEST = 24.0  # heights: a longer strip holds text
INKED = (0.002, 0.5)  # part of a frame that may be ink
MOST_FRAMES = 100  # of a page
MOST_PIECES = 80  # of a line: more are text, or dirt
TEMPERATURE = 0.5  # divides the logarithms of paths, so that their shares are honest: fitted to written strings
LESSER = 0.98  # of a digit's probability: that it is none is at most so likely, or a doubtful path would read nothing
MIN_SURENESS, MIN_LIKENESS = 0.75, 0.8  # mean probability of the digits to be the one read, and any digit at all
LEFT_OUT = 0.12  # of the ink, at most, may belong to no digit
FEWEST, MOST = 2, 20  # digits of a number
EVEN_DIGITS, PRINTED_SPREAD = 4, 0.035  # of so many digits; of their heights and feet, in heights of the line
SET_PART = 0.6  # of the digits in other frames: as many of one height are print
EVEN = 0.35  # spread of the heights of digits, in parts of their mean: more is no number

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Line:
    """The ink of one frame, and all that may be a digit in it."""

    ink: LineInk
    pieces: list[Piece]
    height: float
    segments: list[Segment]
    digits: Digits
    to_page: npt.NDArray[np.float64]  # (3, 3) from pixels of the ink


@dataclass(frozen=True)
class StringReading:
    """A number without boxes.

    Attributes:
        digits: (n, 28, 28) each as the network sees it.
        scores: (n, classes) what it says of them, the doubt where they are parted taken into account.
        quads: (n, 4, 2) where they stand on the page.
        looks: (n, classes) what the network says of them alone.
        left_out: part of the ink that belongs to no digit.
        heights: (n,) of the digits, in heights of the line.
        feet: (n,) how far each stands above or below the line through all, in heights of the line.
        touching: whether some of the digits hang together.
    """

    digits: Digits
    scores: Scores
    looks: Scores
    quads: Quads
    left_out: float
    heights: Floats
    feet: Floats
    touching: bool


def read_frames(page: Gray, frames: Quads, network: Network) -> list[RowReading]:
    """The frames (n, 4, 2) of a page that hold a handwritten number, as rows with a cell a digit.

    None where there are very many: then they are the cells of a table, and to look into each would take seconds.
    """
    if len(frames) > MOST_FRAMES:
        return []
    classes = network.card.classes
    read = [each for each in read_strings(page, frames, network) if each is not None]
    numbers = [each for each in read if _is_number(each, classes)]
    rows = [as_row(each) for each in numbers if not (_is_even(each) or _is_set_in_one_size(each, numbers))]
    return [row for row, share in zip(rows, share_repeated(rows, classes), strict=True) if share < REPEATED]


def read_strings(
    page: Gray,
    frames: Quads,
    network: Network,
    lengths: Sequence[int | None] | None = None,
    *,
    inset: float = INSET,
) -> list[StringReading | None]:
    """What stands in each frame of a page.

    Args:
        page: (height, width), 0 = ink.
        frames: (n, 4, 2) corners of what holds a line of writing each, clockwise from the top left.
        network: tells what the parts of a line look like.
        lengths: (n) digits, where their number is known.
        inset: how far the frame reaches inside, in parts of its height; 0 where no frame is printed.

    Returns:
        (n) readings, None where nothing can be read.
    """
    lines = [_look_into(page, frame, inset) for frame in frames]
    seen = [line for line in lines if line is not None]
    if not seen:
        return [None] * len(frames)
    scores = network.scores(np.concatenate([line.digits for line in seen]))
    parts = iter(np.split(scores, np.cumsum([len(line.segments) for line in seen])[:-1]))
    known = lengths or [None] * len(frames)
    return [
        None if line is None else _read(line, next(parts), length, network.card.classes)
        for line, length in zip(lines, known, strict=True)
    ]


def as_row(reading: StringReading) -> RowReading:
    """The number as a row of cells, each of which holds a digit and no more."""
    count = len(reading.digits)
    none, extent = np.zeros(count, np.bool_), np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1))
    ink = CellInk(reading.digits, none, extent, none, np.zeros((count, 2), np.bool_), none)
    return RowReading(BoxRow(reading.quads, touching=reading.touching), ink, reading.scores)


def _look_into(page: Gray, frame: Quads, inset_share: float) -> _Line | None:
    """The line of ink in a frame, with what may be its digits; None where there is none."""
    width = float(np.linalg.norm(frame[1] - frame[0]) + np.linalg.norm(frame[2] - frame[3])) / 2
    height = float(np.linalg.norm(frame[3] - frame[0]) + np.linalg.norm(frame[2] - frame[1])) / 2
    if min(width, height) < 8 or width > LONGEST * height:
        return None
    scale = min(1.0, 2 * WORK_HEIGHT / height)
    inset = inset_share * height
    size = max(round((width - 2 * inset) * scale), 4), max(round((height - 2 * inset) * scale), 4)
    inner = np.array([[inset, inset], [width - inset, inset], [width - inset, height - inset], [inset, height - inset]])
    outer = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    to_frame = cv2.getPerspectiveTransform(outer, frame.astype(np.float32))
    corners = cv2.perspectiveTransform(inner[None].astype(np.float32), to_frame)[0]
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    to_page = cv2.getPerspectiveTransform(target, corners)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpPerspective(page, to_page, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    ink = line_ink(np.asarray(crop, np.uint8))
    if not INKED[0] <= cv2.countNonZero(ink.mask) / ink.mask.size <= INKED[1]:
        return None
    pieces, writing = find_pieces(ink.mask)
    segments = find_segments(pieces, writing) if len(pieces) <= MOST_PIECES else []
    if not segments:
        return None
    whole = to_page @ np.vstack([ink.to_crop, [0, 0, 1]])
    return _Line(ink, pieces, writing, segments, segment_digits(ink.gray, pieces, segments), whole)


def _read(line: _Line, scores: Scores, length: int | None, classes: str) -> StringReading | None:
    paths = likeliest_paths(line.pieces, line.segments, scores.astype(np.float64), line.height, length)
    if not paths:
        return None
    best = paths[0]
    taken = list(best.segments)
    boxes = np.array([line.segments[index].box for index in taken], np.float64)
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    quads = cv2.perspectiveTransform(corners.reshape(1, -1, 2), line.to_page).reshape(-1, 4, 2)
    return StringReading(
        digits=line.digits[taken],
        scores=_with_doubt(scores[taken], best, paths, classes),
        looks=scores[taken],
        quads=quads.astype(np.float32),
        left_out=_left_out(line, taken),
        heights=(boxes[:, 3] - boxes[:, 1]) / line.height,
        feet=_off_line(boxes) / line.height,
        touching=_hang_together(line, taken),
    )


def _with_doubt(looks: Scores, best: Path, paths: Sequence[Path], classes: str) -> Scores:
    """(n, classes) each digit's scores, less sure by what speaks for other ways to part the line; that is no digit.

    That there may be more or fewer digits is held against the most doubtful one, once.
    """
    weights = np.array([path.weight for path in paths]) / TEMPERATURE
    shares = np.exp(weights - weights.max())
    alike = [(share, path.text) for share, path in zip(shares, paths, strict=True) if len(path.text) == len(best.text)]
    total = sum(share for share, _ in alike)
    columns = [classes.index(character) for character in best.text]
    agree = [sum(share for share, text in alike if text[at] == best.text[at]) / total for at in range(len(columns))]
    sure = np.minimum(looks[np.arange(len(columns)), columns].astype(np.float64), agree)
    sure[sure.argmin()] *= total / shares.sum()
    doubted = np.zeros(looks.shape, np.float32)
    doubted[:, classes.index(NOT_A_DIGIT)] = np.minimum(1 - sure, LESSER * sure)  # the digit stays the likeliest
    doubted[np.arange(len(columns)), columns] = sure
    return doubted


def _hang_together(line: _Line, taken: Sequence[int]) -> bool:
    """Whether two of the digits have parts of one stroke."""
    owners: dict[int, int] = {}
    for index in taken:
        for piece in line.pieces[line.segments[index].first : line.segments[index].last]:
            if owners.setdefault(piece.component, index) != index:
                return True
    return False


def _left_out(line: _Line, taken: Sequence[int]) -> float:
    """Part of the ink that belongs to none of the digits."""
    used = {place for index in taken for place in range(line.segments[index].first, line.segments[index].last)}
    areas = np.array([cv2.countNonZero(piece.ink) for piece in line.pieces], np.float64)
    return float(sum(area for place, area in enumerate(areas) if place not in used) / max(areas.sum(), 1))


def _is_number(reading: StringReading, classes: str) -> bool:
    """Content disposes: whether it is a number that somebody wrote, and no word, mark or dirt."""
    digits = reading.looks[:, [classes.index(str(digit)) for digit in range(10)]]
    is_read = float(digits.max(axis=1).mean()) >= MIN_SURENESS and float(digits.sum(axis=1).mean()) >= MIN_LIKENESS
    is_even = float(reading.heights.std()) <= EVEN * float(reading.heights.mean())
    return FEWEST <= len(digits) <= MOST and is_read and is_even and reading.left_out <= LEFT_OUT


def _is_even(reading: StringReading) -> bool:
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


def _off_line(boxes: Floats) -> Floats:
    """(n,) how far the lower edges of boxes lie from the line that fits them best."""
    if len(boxes) < 2:
        return np.zeros(len(boxes))
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    return np.asarray(boxes[:, 3] - np.polyval(np.polyfit(middle, boxes[:, 3], 1), middle))

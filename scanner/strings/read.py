"""Numbers in frames that have no cells: each line of ink parted into digits, and what two networks say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Gray, Quads, Scores
from scanner.digits import normalize
from scanner.network import NOT_A_DIGIT, Network
from scanner.strings.ctc import digit_frames
from scanner.strings.line import Line, look_into
from scanner.strings.network import FRAME, load_line_network, squeezed
from scanner.strings.opinions import Candidate, weigh
from scanner.strings.picture import LinePicture, line_picture

INSET = 0.09  # of the height: the frame and its shadow
STRANGE = 0.02  # probability of being a digit, alone: with less it is doubted whatever the line says
LESSER = 0.98  # of a digit's probability: that it is none is at most so likely, or a doubtful number would read nothing

Floats = npt.NDArray[np.float64]
Boxes = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StringReading:
    """A number without boxes.

    Attributes:
        digits: (n, 28, 28) each as the network sees it.
        scores: (n, classes) how likely each is right: what speaks for other numbers is held against it.
        quads: (n, 4, 2) where they stand on the page.
        looks: (n, classes) what the network says of them alone.
        left_out: part of the ink that belongs to no digit.
        heights: (n,) of the digits, in heights of the line.
        feet: (n,) how far each stands above or below the line through all, in heights of the line.
        touching: whether some of the digits hang together.
        is_struck: whether a stroke runs through all of them.
    """

    digits: Digits
    scores: Scores
    looks: Scores
    quads: Quads
    left_out: float
    heights: Floats
    feet: Floats
    touching: bool
    is_struck: bool


@dataclass(frozen=True)
class _Parted:
    """A line parted into the digits of one number: each in MNIST form, what the network says of it, (n, 4) boxes on
    the line as x0, y0, x1, y1; then as in `StringReading`."""

    digits: Digits
    looks: Scores
    boxes: Boxes
    left_out: float
    touching: bool


def read_strings(
    page: Gray,
    frames: Quads,
    network: Network,
    lengths: Sequence[int | None] | None = None,
    *,
    expected: Sequence[Mapping[str, float]] | None = None,
    inset: float = INSET,
) -> list[StringReading | None]:
    """What stands in each frame of a page.

    Args:
        page: (height, width), 0 = ink.
        frames: (n, 4, 2) corners of what holds a line of writing each, clockwise from the top left.
        network: tells what the parts of a line look like.
        lengths: (n) digits, where their number is known.
        expected: (n) shares of numbers by an earlier look at more of the paper, where there was one.
        inset: how far the frame reaches inside, in parts of its height; 0 where no frame is printed.

    Returns:
        (n) readings, None where nothing can be read.
    """
    lines = [look_into(page, frame, inset) for frame in frames]
    seen = [line for line in lines if line is not None]
    if not seen:
        return [None] * len(frames)
    scores = network.scores(np.concatenate([line.digits for line in seen]))
    parts = iter(np.split(scores, np.cumsum([len(line.segments) for line in seen])[:-1]))
    known, said = lengths or [None] * len(frames), expected or [{}] * len(frames)
    return [
        None if line is None else _read(line, next(parts), length, network, before)
        for line, length, before in zip(lines, known, said, strict=True)
    ]


def _read(
    line: Line, scores: Scores, length: int | None, network: Network, expected: Mapping[str, float]
) -> StringReading | None:
    picture = line_picture(line.ink)
    frames = load_line_network().frames([picture.pixels])[0]
    candidates = weigh(line, scores.astype(np.float64), frames, length, expected)
    if not candidates:
        return None
    best = candidates[0]
    if best.path is not None:
        parted = _parted(line, scores, list(best.path.segments))
    else:
        parted = _parted_by_frames(line, picture, frames, best.text, network)
    corners = parted.boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(1, -1, 2)
    quads = cv2.perspectiveTransform(corners, line.to_page).reshape(-1, 4, 2)
    return StringReading(
        digits=parted.digits,
        scores=_with_doubt(candidates, parted.looks, network.card.classes),
        looks=parted.looks,
        quads=quads.astype(np.float32),
        left_out=parted.left_out,
        heights=(parted.boxes[:, 3] - parted.boxes[:, 1]) / line.height,
        feet=_off_line(parted.boxes) / line.height,
        touching=parted.touching,
        is_struck=line.ink.is_struck,
    )


def _with_doubt(candidates: Sequence[Candidate], looks: Scores, classes: str) -> Scores:
    """(n, classes) how likely each digit of the best candidate is right, and which others may stand there.

    The digit stays the likeliest; what speaks for none at its place is no digit. That there may be more or fewer
    digits, or words, is held against the most doubtful one, once. What `looks` like no digit at all is doubted, too.
    """
    best = candidates[0].text
    shares = np.exp([each.weight - candidates[0].weight for each in candidates])
    alike = [(share, each.text) for share, each in zip(shares, candidates, strict=True) if len(each.text) == len(best)]
    places, columns = np.arange(len(best)), [[classes.index(digit) for digit in text] for _, text in alike]
    likely, total = np.zeros((len(best), len(classes))), sum(share for share, _ in alike)
    for (share, _), column in zip(alike, columns, strict=True):
        likely[places, column] += share / total
    digits = looks[:, [classes.index(str(digit)) for digit in range(10)]].sum(axis=1)
    likely[digits < STRANGE] /= 2
    likely[likely[places, columns[0]].argmin()] *= total / shares.sum()
    sure = likely[places, columns[0]]
    doubted = np.minimum(likely, LESSER * sure[:, None])
    doubted[:, classes.index(NOT_A_DIGIT)] = np.clip(1 - likely.sum(axis=1), 0, LESSER * sure)
    doubted[places, columns[0]] = sure
    return doubted.astype(np.float32)


def _parted(line: Line, scores: Scores, taken: Sequence[int]) -> _Parted:
    return _Parted(
        line.digits[taken],
        scores[taken],
        np.array([line.segments[index].box for index in taken], np.float64),
        _left_out(line, taken),
        _hang_together(line, taken),
    )


def _parted_by_frames(line: Line, picture: LinePicture, frames: Floats, text: str, network: Network) -> _Parted:
    """Where the parts of the ink do not give the digits: it is cut midway between the frames that show them."""
    spans = digit_frames(frames, text)
    width = picture.pixels.shape[1]
    between = [(before[1] + after[0] + 1) / 2 * FRAME * squeezed(width) for before, after in pairwise(spans)]
    cuts = [0.0, *between, float(width)]
    on_line = picture.to_line[0, 0] * np.array(cuts) + picture.to_line[0, 2]
    limits = np.clip(np.round(on_line), 0, line.ink.mask.shape[1]).astype(int)
    boxes, digits = [], []
    for left, right in zip(limits, np.maximum(limits[1:], limits[:-1] + 1), strict=False):
        mask = line.ink.mask[:, left:right]
        x, y, wide, high = cv2.boundingRect(mask) if cv2.countNonZero(mask) else (0, 0, mask.shape[1], mask.shape[0])
        boxes.append((left + x, y, left + x + wide, y + high))
        part = slice(y, y + high), slice(left + x, left + x + wide)
        digits.append(normalize(line.ink.gray[part], line.ink.mask[part]))
    found = np.stack(digits)
    return _Parted(found, network.scores(found), np.array(boxes, np.float64), left_out=0.0, touching=True)


def _hang_together(line: Line, taken: Sequence[int]) -> bool:
    """Whether two of the digits have parts of one stroke."""
    owners: dict[int, int] = {}
    for index in taken:
        for piece in line.pieces[line.segments[index].first : line.segments[index].last]:
            if owners.setdefault(piece.component, index) != index:
                return True
    return False


def _left_out(line: Line, taken: Sequence[int]) -> float:
    """Part of the ink that belongs to none of the digits."""
    used = {place for index in taken for place in range(line.segments[index].first, line.segments[index].last)}
    areas = np.array([cv2.countNonZero(piece.ink) for piece in line.pieces], np.float64)
    return float(sum(area for place, area in enumerate(areas) if place not in used) / max(areas.sum(), 1))


def _off_line(boxes: Boxes) -> Floats:
    """(n,) how far the lower edges of boxes lie from the line that fits them best."""
    if len(boxes) < 2:
        return np.zeros(len(boxes))
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    return np.asarray(boxes[:, 3] - np.polyval(np.polyfit(middle, boxes[:, 3], 1), middle))

"""All ways to part the ink of a line into digits, and the likeliest of them.

Every run of neighboring pieces that may be one digit is an edge from the gap before it to the gap behind it; the
network says how much each looks like each digit, and like none. A string is a path from the first gap to the last.
"""

import heapq
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Gray, Mask
from scanner.digits import normalize
from scanner.strings.pieces import Piece

MOST_PIECES = 5  # of a digit
WIDEST = 1.2  # heights that a digit is wide at most
LOWEST = 0.3  # heights that a digit is high at least
WIDE, HIGH = 1.0, 0.6  # heights: digits are seldom wider, or lower
MAY_SHARE = 0.3  # of its width, a digit may stand over or under its neighbor
MOST_LABELS, LEAST = 3, 1e-3  # digits that a segment may be, and how probable they are at least
BEAM = 16  # paths that are kept at each gap ...
FEW = 4  # ... and where the digits are known

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """Pieces `first` to `last`, the last not among them, taken for one digit."""

    first: int
    last: int
    box: tuple[int, int, int, int]


def find_segments(pieces: list[Piece], height: float) -> list[Segment]:
    """Runs of pieces that may be a digit."""
    found = []
    for first in range(len(pieces)):
        for last in range(first + 1, min(first + MOST_PIECES, len(pieces)) + 1):
            boxes = np.array([piece.box for piece in pieces[first:last]])
            x0, y0 = boxes[:, :2].min(axis=0).tolist()
            x1, y1 = boxes[:, 2:].max(axis=0).tolist()
            if x1 - x0 > WIDEST * height:
                break
            if y1 - y0 >= LOWEST * height:
                found.append(Segment(first, last, (x0, y0, x1, y1)))
    return found


def segment_digits(gray: Gray, pieces: list[Piece], segments: list[Segment]) -> Digits:
    """(n, 28, 28) each segment in MNIST form."""
    return np.stack([normalize(*_cut(gray, pieces, segment)) for segment in segments])


def _cut(gray: Gray, pieces: list[Piece], segment: Segment) -> tuple[Gray, Mask]:
    x0, y0, x1, y1 = segment.box
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for piece in pieces[segment.first : segment.last]:
        left, top, right, low = piece.box
        part = mask[top - y0 : low - y0, left - x0 : right - x0]
        np.maximum(part, piece.ink, out=part)
    return gray[y0:y1, x0:x1], mask


@dataclass(frozen=True)
class Weights:
    """What speaks for a path, in natural logarithms."""

    odds: float = 0.36  # of "a digit" against "none", beside which digit it is
    most_odds: float = 6.0
    each: float = -0.5  # of every digit
    width: float = 1.2  # of the squared logarithm of a width out of range
    skip_low: float = -0.7  # a piece too low for a digit left out
    skip: float = -5.5  # any other piece
    low: float = 0.47  # heights: what a piece left out cheaply may be high
    overlap: float = 0.3  # of the width of two digits that they share


WEIGHTS = Weights()


@dataclass(frozen=True)
class Path:
    """A way to part the line: its digits, the logarithm of its weight, and the segments taken, by index."""

    text: str
    weight: float
    segments: tuple[int, ...]


@dataclass(frozen=True)
class _Edge:
    """A segment on the way: the gap it starts from, its likeliest digits with what each adds, what every digit adds."""

    index: int
    first: int
    labels: list[tuple[str, float]]
    gains: list[float]


class Lattice:
    """All ways to part a line, weighed.

    Args:
        pieces: left to right.
        segments: runs of them.
        scores: (n, 12) the network's probabilities of each segment: ten digits, crossed out, none.
        height: of the writing.
        weights: of the evidence.
    """

    def __init__(
        self, pieces: list[Piece], segments: list[Segment], scores: Floats, height: float, weights: Weights = WEIGHTS
    ) -> None:
        evidence = _evidence(segments, scores, height, weights)
        labels = _labels(scores, evidence)
        self._skips = [_skip(piece, height, weights) for piece in pieces]
        self._ending: list[list[_Edge]] = [[] for _ in range(len(pieces) + 1)]  # by the gap behind them
        for index, each in enumerate(segments):
            self._ending[each.last].append(_Edge(index, each.first, labels[index], evidence[index].tolist()))
        self._overlaps = _overlaps(segments, weights)

    def likeliest(self, length: int | None = None) -> list[Path]:
        """The likeliest paths of different digits, the best first; none where the line cannot be parted.

        Args:
            length: digits, if known.
        """
        best: dict[str, Path] = {}
        for path in self._paths(length, None, BEAM):  # the best of each text comes first
            if path.text and (length is None or len(path.text) == length):
                best.setdefault(path.text, path)
        return list(best.values())

    def path_to(self, text: str) -> Path | None:
        """The best way to part the line into these digits, if there is one."""
        return next((path for path in self._paths(len(text), text, FEW) if path.text == text), None)

    def _paths(self, length: int | None, wanted: str | None, beam: int) -> list[Path]:
        """The likeliest paths through all pieces, the best first, not all of full length; with `wanted`, only to it."""
        states: list[list[tuple[float, str, tuple[int, ...]]]] = [[(0.0, "", ())]]
        for gap, skipped in enumerate(self._skips, start=1):
            found = {(text, taken[-1:]): (weight + skipped, text, taken) for weight, text, taken in states[gap - 1]}
            for edge in self._ending[gap]:
                overlaps = self._overlaps[edge.index]
                for weight, text, taken in states[edge.first]:
                    if length is not None and len(text) >= length:
                        continue
                    before = weight + (overlaps[taken[-1]] if taken else 0.0)
                    following = wanted and wanted[len(text)]
                    labels = [(following, edge.gains[int(following)])] if following else edge.labels
                    for label, gain in labels:
                        key = text + label, (edge.index,)
                        if key not in found or before + gain > found[key][0]:
                            found[key] = before + gain, text + label, (*taken, edge.index)
            states.append(heapq.nlargest(beam, found.values(), key=itemgetter(0)))
        return [Path(text, weight, taken) for weight, text, taken in states[-1]]


def _overlaps(segments: list[Segment], weights: Weights) -> list[list[float]]:
    """What it costs that a digit, by its index, stands over or under the one before, by its index in the inner list."""
    left, right = np.array([(each.box[0], each.box[2]) for each in segments], np.float64).reshape(-1, 2).T
    narrow = np.maximum(np.minimum.outer(right - left, right - left), 1)
    shared = np.maximum(right[None, :] - left[:, None], 0) / narrow
    return np.asarray(-weights.overlap * np.maximum(shared - MAY_SHARE, 0)).tolist()


def _labels(scores: Floats, evidence: Floats) -> list[list[tuple[str, float]]]:
    """The digits that each segment may be, with what they add."""
    return [
        [(str(label), float(evidence[index, label])) for label in np.argsort(-row)[:MOST_LABELS] if row[label] > LEAST]
        for index, row in enumerate(scores[:, :10])
    ]


def _evidence(segments: list[Segment], scores: Floats, height: float, weights: Weights) -> Floats:
    """(n, 10) what each segment adds as each digit."""
    digit = np.maximum(scores[:, :10], 1e-6)
    none = np.log(np.maximum(scores[:, 10:].sum(axis=1), 1e-6))
    odds = np.clip(np.log(digit.sum(axis=1)) - none, -weights.most_odds, weights.most_odds) - weights.most_odds
    shape = np.array([_shape(each, height, weights) for each in segments])
    return np.asarray(np.log(digit) + (weights.odds * odds + shape + weights.each)[:, None])


def _skip(piece: Piece, height: float, weights: Weights) -> float:
    """What it costs to leave a piece out, as a point or a dash."""
    high, wide = piece.height / height, piece.width / height
    if high < weights.low and wide < 2.5:
        return weights.skip_low * (1 + 2 * high)
    return weights.skip * min(high, 1.0)


def _shape(segment: Segment, height: float, weights: Weights) -> float:
    """What it costs that a digit is wider or lower than digits are."""
    x0, y0, x1, y1 = segment.box
    wide, high = max((x1 - x0) / height, WIDE), min((y1 - y0) / height, HIGH)
    return float(-weights.width * (np.log(wide / WIDE) ** 2 + np.log(high / HIGH) ** 2) - (wide - WIDE))
